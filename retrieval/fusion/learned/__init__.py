"""Fusions that are learnt from judged questions, for one index and its legs."""

from skerry.retrieval.fusion.learned.base import LEARNED, LearnedFusion
from skerry.retrieval.fusion.learned.files import load_learned, save_learned

__all__ = ["LEARNED", "LearnedFusion", "load_learned", "save_learned"]
