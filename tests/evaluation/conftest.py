"""A small real index with questions about it; a chain, a ranker and a generator to follow by eye."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from skerry.core.deadline import Deadline
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.generation.base import Completed, Delta, Event, FinishReason, GenerationRequest
from skerry.ranking.base import RankRequest, RankScores
from skerry.retrieval.base import Hit, LegScore, RetrievalRequest, RetrievalResult
from skerry.retrieval.corpus.records import Passage, Span
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine

FACTS = [
    ("otter", "The otter sleeps on its back.", "Otters hold hands in the water."),
    ("heron", "The heron waits in shallow water.", "Herons nest in tall trees."),
    ("badger", "The badger digs a sett.", "Badgers eat earthworms at night."),
    ("swift", "The swift sleeps in the air.", "Swifts never perch on wires."),
]


def words(text: str) -> set[str]:
    return {word.strip(".?").rstrip("s") for word in text.lower().split()}


@pytest.fixture(scope="session")
def passages() -> list[Passage]:
    """Two passages a page, paragraphs 1 and 2."""
    found: list[Passage] = []
    for animal, *paragraphs in FACTS:
        for number, text in enumerate(paragraphs, start=1):
            span = Span(number, 0, number, len(text))
            found.append(
                Passage(len(found), f"{animal}#{number - 1}", animal, animal.title(), "", text, span)
            )
    return found


class WordChain:
    """Two legs: "common" counts common words, "order" takes the passages as they come. Fused by rank sums."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = passages
        self.queries: list[str] = []
        self.breaks_at: int | None = None

    def retrieve(self, requests: Sequence[RetrievalRequest], deadline: Deadline) -> list[RetrievalResult]:
        results = []
        for request in requests:
            if len(self.queries) == self.breaks_at:
                raise RuntimeError("broke")
            self.queries.append(request.query)
            results.append(RetrievalResult(self._hits(request), {}))
        return results

    def _hits(self, request: RetrievalRequest) -> tuple[Hit, ...]:
        common = [len(words(passage.text) & words(request.query)) for passage in self.passages]
        lists = {
            "common": sorted((i for i in range(len(common)) if common[i]), key=lambda i: (-common[i], i)),
            "order": list(range(len(self.passages))),
        }
        scores: dict[int, dict[str, LegScore]] = {}
        for leg in request.legs:
            for rank, i in enumerate(lists[leg.name][: leg.limit], start=1):
                scores.setdefault(i, {})[leg.name] = LegScore(leg.name, rank, 1 / rank)
        hits = [
            Hit(self.passages[i], sum(score.score for score in by_leg.values()), tuple(by_leg.values()))
            for i, by_leg in scores.items()
        ]
        return tuple(sorted(hits, key=lambda hit: -hit.score)[: request.limit])


class LengthRanker:
    """The longest passage first."""

    name = "length"

    def score(self, requests: Sequence[RankRequest], deadline: Deadline) -> list[RankScores]:
        raw = [np.array([len(c.text) for c in request.candidates], np.float32) for request in requests]
        return [RankScores(values, values / np.float32(100)) for values in raw]


class FirstWords:
    """Answers with the first two words of the best passage."""

    name = "first-words"

    def generate(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Event]:
        text = " ".join(request.sources[0].text.split()[:2])
        yield Delta(text)
        yield Completed(FinishReason.STOP, f" {text}\n", 1, 0, 2)


@pytest.fixture
def chain(passages: list[Passage]) -> WordChain:
    return WordChain(passages)


@pytest.fixture
def ranker() -> LengthRanker:
    return LengthRanker()


@pytest.fixture
def generator() -> FirstWords:
    return FirstWords()


@pytest.fixture(scope="session")
def gold_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six questions: the first four of paragraph 1 of each page, then two of paragraph 2."""
    asked = [
        ("How does the otter sleep?", "on its back", "otter", 1),
        ("Where does the heron wait?", "shallow water", "heron", 1),
        ("What does the badger dig?", "a sett", "badger", 1),
        ("Where does the swift sleep?", "in the air", "swift", 1),
        ("What do badgers eat?", "Badgers eat", "badger", 2),
        ("Where do herons nest?", "tall trees", "heron", 2),
    ]
    path = tmp_path_factory.mktemp("gold") / "animals.jsonl"
    with path.open("w") as file:
        for number, (question, answer, page, paragraph) in enumerate(asked):
            place = {"wikipedia_id": page, "start_paragraph_id": paragraph, "end_paragraph_id": paragraph}
            identity = number if number % 2 else f"q{number}"
            output = [{"answer": answer, "provenance": [place]}]
            file.write(json.dumps({"id": identity, "input": question, "output": output}) + "\n")
    return path


@pytest.fixture(scope="session")
def index_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same facts as a real index with the leg bm25."""
    folder = tmp_path_factory.mktemp("index")
    corpus = folder / "corpus.jsonl"
    with corpus.open("w") as file:
        for animal, *paragraphs in FACTS:
            page = {"_id": animal, "wikipedia_id": animal, "wikipedia_title": animal.title()}
            file.write(json.dumps({**page, "text": [animal.title(), *paragraphs]}) + "\n")
    build_index(
        BuildSpec(corpus, "kilt", legs=("bm25",)),
        folder / "index",
        engine=SerialEngine(),
        models=ModelStore(folder / "models"),
        progress=SilentProgress(),
    )
    return folder / "index"
