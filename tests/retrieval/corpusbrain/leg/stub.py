"""A title model that knows the answer, a leg that knows the passage, and a small corpus for both."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.retrieval.base import Candidates, Option
from skerry.retrieval.corpus.records import Passage, Span
from skerry.retrieval.corpus.store import PassageStore, PassageWriter
from skerry.retrieval.corpusbrain.model.base import Tokens

END, STOP = 0, 1
Row = tuple[int, tuple[int, ...]]


def encode(titles: Sequence[str]) -> list[list[int]]:
    """A token a sign."""
    return [[ord(sign) for sign in title.lower()] for title in titles]


def write_store(folder: Path, pages: Sequence[tuple[str, Sequence[str]]]) -> PassageStore:
    """Pages of (title, texts); a page's id is its number."""
    ordinal = 0
    with PassageWriter(folder) as writer:
        for page, (title, texts) in enumerate(pages):
            for number, text in enumerate(texts):
                span = Span(1, 0, 1, len(text))
                writer.append(Passage(ordinal, f"{page}#{number}", str(page), title, "", text, span))
                ordinal += 1
    return PassageStore.open(folder)


@dataclass
class WordModel:
    """A sequence that goes on as a word of the query does has three times the probability of any other."""

    end: int = END
    stop: int = STOP
    normalises: bool = True
    room: int = 60
    threads: set[int] = field(default_factory=set)
    read_together: list[list[str]] = field(default_factory=list)
    reading: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event | None = None

    def encode_titles(self, titles: Sequence[str]) -> list[list[int]]:
        return encode(titles)

    def read(self, queries: Sequence[str]) -> list[str]:
        self.threads.add(threading.get_ident())
        self.read_together.append(list(queries))
        self.reading.set()
        if self.go_on is not None:
            assert self.go_on.wait(10)
        return list(queries)

    def begin(self, memory: list[str], queries: NDArray[np.int64]) -> tuple[list[str], list[Row]]:
        return memory, [(query, ()) for query in queries.tolist()]

    def advance(
        self, state: tuple[list[str], list[Row]], rows: NDArray[np.int64], tokens: NDArray[np.int64]
    ) -> tuple[list[str], list[Row]]:
        memory, old = state
        return memory, [
            (old[row][0], (*old[row][1], token))
            for row, token in zip(rows.tolist(), tokens.tolist(), strict=True)
        ]

    def log_probs(
        self, state: tuple[list[str], list[Row]], allowed: Sequence[Tokens]
    ) -> list[NDArray[np.float32]]:
        memory, rows = state
        found = []
        for (query, begun), tokens in zip(rows, allowed, strict=True):
            said = "".join(map(chr, begun))
            words = [f"{word}{chr(END)}" for word in memory[query].lower().split()]
            shares = np.array(
                [3.0 if any(w.startswith(said + chr(t)) for w in words) else 1.0 for t in tokens.tolist()]
            )
            found.append(np.log(shares / shares.sum()).astype(np.float32))
        return found


@dataclass
class WordLeg:
    """Scores a passage by how many of the query's words it has; says nothing of one without any."""

    passages: PassageStore
    name: str = "bm25"
    asked: list[list[int]] = field(default_factory=list)

    def retrieve(
        self,
        queries: Sequence[str],
        limit: int,
        options: Mapping[str, Option],
        deadline: Deadline,
        within: NDArray[np.int64] | None = None,
    ) -> list[Candidates]:
        assert within is not None and not options
        self.asked.append(within.tolist())
        found = []
        for query in queries:
            words = set(query.lower().split())
            scores = {
                ordinal: len(words & set(self.passages[ordinal].text.lower().split()))
                for ordinal in within.tolist()
            }
            order = sorted((o for o in scores if scores[o]), key=lambda o: (-scores[o], o))[:limit]
            found.append(Candidates(np.array(order, np.int64), np.array([scores[o] for o in order], "f4")))
        return found

    def close(self) -> None:
        pass
