"""Which passages are relevant to a question, which questions belong together, and what rankers are named."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from skerry.core.errors import InvalidInput, NotFound
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.evaluation.gold import Output, Record
from skerry.evaluation.rank.contenders import Contender, parse_contenders
from skerry.evaluation.rank.groups import connected
from skerry.evaluation.rank.questions import judged_questions, kilt_questions
from skerry.ranking.base import RANKERS
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.index.reader import Index


@pytest.fixture(scope="module")
def passages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PassageStore]:
    """Three pages of two long paragraphs: passages 0 and 1 of page a, 2 and 3 of b, 4 and 5 of c."""
    folder = tmp_path_factory.mktemp("rank-questions")
    with (folder / "corpus.jsonl").open("w") as file:
        for page in "abc":
            text = [page, *(" ".join([f"{page}{number} word"] * 40) + "." for number in (1, 2))]
            line = {"_id": page, "wikipedia_id": page, "wikipedia_title": page, "text": text}
            file.write(json.dumps(line) + "\n")
    spec = BuildSpec(folder / "corpus.jsonl", "kilt", legs=("bm25",))
    build_index(
        spec, folder / "index", engine=SerialEngine(), models=ModelStore(folder), progress=SilentProgress()
    )
    with Index.open(folder / "index") as index:
        assert [p.id for p in index.passages] == ["a#0", "a#1", "b#0", "b#1", "c#0", "c#1"]
        yield index.passages


def record(number: int, *places: tuple[str, int | None], answer: str | None = None) -> Record:
    provenance = tuple(
        {"wikipedia_id": page} | ({} if paragraph is None else {"start_paragraph_id": paragraph})
        for page, paragraph in places
    )
    return Record(str(number), number, f"question {number}", (Output(answer, provenance),), f"gold:{number}")


def test_kilt(passages: PassageStore) -> None:
    questions = kilt_questions(
        [
            record(0, ("a", 1), ("b", 2), answer="no"),
            record(1, ("b", None), answer="word"),
            record(2, ("c", 2)),
            record(3, ("elsewhere", 1)),
            Record("4", 4, "no evidence", (), "gold:4"),
            Record("5", 5, "  ", (Output(None, ({"wikipedia_id": "a"},)),), "gold:5"),
        ],
        passages,
    )
    assert [question.gains for question in questions] == [{0: 1, 3: 1}, {2: 1, 3: 1}, {5: 1}, {}]
    assert [question.answers for question in questions] == [(), ("word",), (), ()]
    # Question 1 shares page b with question 0, and with it page a's group.
    assert [question.group for question in questions] == ["a", "a", "c", "elsewhere"]
    one = questions[0].of(3)
    assert (one.positive, one.relevant, one.page_id) == (3, {0, 3}, "a")
    for nothing in ([], [Record("4", 4, "no evidence", (), "gold:4")]):
        with pytest.raises(InvalidInput, match="has evidence"):
            kilt_questions(nothing, passages)
    with pytest.raises(InvalidInput, match="gold:6"):
        kilt_questions(
            [
                Record(
                    "6",
                    6,
                    "x",
                    (Output(None, ({"wikipedia_id": "a", "start_paragraph_id": "x"},)),),
                    "gold:6",
                )
            ],
            passages,
        )


def test_judged(passages: PassageStore) -> None:
    records = [Record(name, name, f"question {name}", (), "") for name in ("x", "y")]
    questions = judged_questions(records, {"x": {"a": 2, "b": 0, "gone": 1}, "y": {"c": 1}}, passages)
    assert [question.gains for question in questions] == [{0: 2, 1: 2}, {4: 1, 5: 1}]
    assert questions[0].judgements == {"a": 2, "b": 0, "gone": 1}
    assert questions[0].group != questions[1].group


def test_groups_are_connected_parts() -> None:
    rng = random.Random(0)
    for _ in range(50):
        entries = [rng.sample("abcdefghijkl", rng.randint(1, 3)) for _ in range(rng.randint(1, 9))]
        groups = connected(entries)
        # Slowly: join sets until none overlap.
        parts = [set(entry) for entry in entries]
        for _ in entries:
            for one, other in itertools.permutations(range(len(parts)), 2):
                if parts[one] & parts[other]:
                    parts[one] |= parts[other]
        assert groups == [min(part) for part in parts]
    assert connected([]) == []


def test_contenders(tmp_path: Path) -> None:
    assert parse_contenders("drmm, knrm@50=some/folder ,cross-encoder@20") == [
        Contender("drmm"),
        Contender("knrm", Path("some/folder"), 50),
        Contender("cross-encoder", None, 20),
    ]
    assert parse_contenders(" none") == []
    every = parse_contenders("all,tk@5")
    assert [one.name for one in every] == list(RANKERS)
    assert [one.depth for one in every if one.depth] == [5]
    with pytest.raises(NotFound, match="drmm"):
        parse_contenders("dram")
    for wrong, word in (
        ("", "No ranker"),
        (" , ", "No ranker"),
        ("drmm,drmm@3", "twice"),
        ("drmm@", "cannot read ''"),
        ("drmm@0", "cannot read"),
        ("drmm@-1", "cannot read"),
        ("drmm@x=y", "cannot read"),
    ):
        with pytest.raises(InvalidInput, match=word):
            parse_contenders(wrong)
