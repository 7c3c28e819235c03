"""Constrained decoding: n-grams and titles of the corpus that a language model would say to a question."""

from skerry.retrieval.seal.decoding.decode import decode
from skerry.retrieval.seal.decoding.key import Decoded, Decoding, Key
from skerry.retrieval.seal.decoding.options import DecodingOptions
from skerry.retrieval.seal.decoding.profile import Profile
from skerry.retrieval.seal.decoding.rescore import rescore

__all__ = ["Decoded", "Decoding", "DecodingOptions", "Key", "Profile", "decode", "rescore"]
