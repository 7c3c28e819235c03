"""The passage store: an immutable, memory-mapped folder of passages, and its writer."""

from skerry.retrieval.corpus.store.reader import PassageStore
from skerry.retrieval.corpus.store.writer import PassageWriter

__all__ = ["PassageStore", "PassageWriter"]
