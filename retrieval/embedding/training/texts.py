"""Texts as the encoder reads them and an index cuts them, and those of corpora of other domains."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from skerry.core.progress import Progress
from skerry.retrieval.corpus.chunking import Chunking, chunk_page
from skerry.retrieval.corpus.readers import open_corpus
from skerry.retrieval.embedding.passage_text import passage_text, text_begin

MOST = 50_000


@dataclass(frozen=True, slots=True)
class CutText:
    """A text, and the first of its characters that belongs to a stretch (`retrieval.embedding.stretches`)."""

    text: str
    begin: int


def cut_text(title: str, text: str) -> CutText:
    """A passage as the encoder reads it."""
    return CutText(passage_text(title, text), text_begin(title))


def read_texts(corpus_format: str, path: Path, seed: int, progress: Progress) -> list[CutText]:
    """The passages of the corpus at `path`, as the encoder reads them; of a large corpus `MOST`, drawn.

    Raises:
        NotFound: no such format, no such path.
        InvalidInput: a path that is no corpus of the format. Records that cannot be used are left out.
    """
    rng = random.Random(f"texts {seed}")
    texts: list[CutText] = []
    seen = 0
    with progress.task(f"texts of {path.name}", unit="passages") as task:
        for page in open_corpus(path, corpus_format, on_error="skip"):
            for passage in chunk_page(page, Chunking()):
                text = cut_text(passage.title, passage.text)
                seen += 1
                if len(texts) < MOST:
                    texts.append(text)
                elif (place := rng.randrange(seen)) < MOST:
                    texts[place] = text
                task.advance()
    return texts
