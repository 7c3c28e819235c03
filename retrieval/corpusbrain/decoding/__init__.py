"""From queries to pages: beam search along the tree of titles."""

from skerry.retrieval.corpusbrain.decoding.beam import MOST_ROWS, search
from skerry.retrieval.corpusbrain.decoding.found import Found

__all__ = ["MOST_ROWS", "Found", "search"]
