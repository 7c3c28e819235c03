"""Whole runs: every system in one pass, resumed, ranked, answered, and scored."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.evaluation.gold import Record, parse_record, read_gold, read_records
from skerry.evaluation.kilt import score
from skerry.evaluation.run import RunSpec, leg_hits, run, system_names
from skerry.evaluation.scores import beir_table, first_hit, kilt_table
from skerry.ranking.cascade import Cascade
from skerry.ranking.plan import RankPlan
from skerry.retrieval.base import LegRequest
from skerry.retrieval.index.reader import Index
from skerry.retrieval.pipeline import RetrievalPipeline

SPEC = RunSpec((LegRequest("common"), LegRequest("order")), batch=2)
KEY = {"index": "test"}


@pytest.fixture
def questions(gold_file: Path) -> list[Record]:
    return read_gold(gold_file)


def pages(path: Path) -> list[list[Any]]:
    return [
        [entry["meta"]["passage_id"] for entry in record.outputs[0].provenance or ()]
        for record in read_records(path, kind="prediction")
    ]


def test_every_system_in_one_pass(chain: Any, questions: list[Record], tmp_path: Path) -> None:
    files = run(questions, tmp_path / "run.jsonl", chain, SPEC, KEY)
    assert list(files) == ["common", "order", "rrf"]
    assert chain.queries == [question.input for question in questions]
    assert pages(files["order"]) == [[passage.id for passage in chain.passages]] * len(questions)
    assert [found[0] for found in pages(files["common"])] == [
        "otter#0",
        "heron#0",
        "badger#0",
        "swift#0",
        "badger#1",
        "heron#1",
    ]
    request = dataclasses.replace(SPEC, legs=SPEC.legs[:1]).request(questions[0].input)
    [alone] = chain.retrieve([request], Deadline(None))
    assert [hit.passage.id for hit, _ in leg_hits(alone.hits, "common")] == pages(files["common"])[0]

    table = kilt_table("animals", questions, files, ks=[1, 5])
    rows = {row.name: row for row in table.rows}
    assert table.title == "animals: 6 questions, hit@k by gold paragraph"
    assert table.columns == ["hit@1", "hit@5", "MRR", "Rprec", "recall@5"]
    assert rows["common"].metrics["hit@1"] == rows["common"].metrics["MRR"] == 1
    # In corpus order the gold passages of the six questions are at 1, 3, 5, 7, 6 and 4.
    assert rows["order"].metrics["hit@1"] == 1 / 6
    assert rows["order"].metrics["hit@5"] == 4 / 6
    assert rows["order"].metrics["MRR"] == pytest.approx((1 + 1 / 3 + 1 / 5 + 1 / 7 + 1 / 6 + 1 / 4) / 6)
    assert rows["order"].metrics["Rprec"] == 1 / 6
    assert list(rows["common"].intervals["hit@1"]) == [1, 1]
    official = score(questions, read_records(files["order"], kind="guess"), ks=[1, 5])
    assert official.retrieval.items() <= rows["order"].metrics.items()


def test_ranked(chain: Any, ranker: Any, questions: list[Record], tmp_path: Path) -> None:
    files = run(questions, tmp_path / "run.jsonl", chain, SPEC, KEY, rankers=Cascade.of(ranker))
    assert list(files) == ["common", "order", "rrf", "ranked"]
    longest = sorted(chain.passages, key=lambda passage: -len(passage.text))
    assert pages(files["ranked"])[0][0] == longest[0].id
    assert sorted(pages(files["ranked"])[0]) == sorted(pages(files["rrf"])[0])


def test_answered(chain: Any, generator: Any, questions: list[Record], tmp_path: Path) -> None:
    files = run(questions, tmp_path / "run.jsonl", chain, SPEC, KEY, generator=generator)
    assert list(files) == ["common", "order", "rrf", "answer"]
    answers = [record.outputs[0].answer for record in read_records(files["answer"], kind="prediction")]
    assert answers[4] == "Badgers eat"
    assert pages(files["answer"]) == pages(files["rrf"])
    table = kilt_table("animals", questions, files, ks=[1])
    assert table.columns[-6:] == ["em", "f1", "rougel", "accuracy", "KILT-em", "KILT-f1"]
    metrics = table.rows[-1].metrics
    assert metrics["em"] == metrics["accuracy"] == metrics["KILT-em"] == 1 / 6
    assert metrics["answered"] == 1
    assert "em" not in table.rows[0].metrics


def test_resumes(chain: Any, questions: list[Record], tmp_path: Path) -> None:
    whole = run(questions, tmp_path / "whole.jsonl", chain, SPEC, KEY)
    chain.queries.clear()
    chain.breaks_at = 5
    with pytest.raises(RuntimeError, match="broke"):
        run(questions, tmp_path / "run.jsonl", chain, SPEC, KEY)
    chain.queries.clear()
    chain.breaks_at = None
    files = run(questions, tmp_path / "run.jsonl", chain, SPEC, KEY)
    assert chain.queries == [question.input for question in questions[4:]]
    for system, path in files.items():
        assert path.read_bytes() == whole[system].read_bytes()
    chain.queries.clear()
    run(questions[:3], tmp_path / "run.jsonl", chain, SPEC, KEY)
    assert chain.queries == []
    with pytest.raises(InvalidInput, match="other settings: systems was"):
        run(questions, tmp_path / "run.jsonl", chain, dataclasses.replace(SPEC, fusion="convex"), KEY)


def test_bad_requests(chain: Any, questions: list[Record], tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    for spec in (
        RunSpec(()),
        RunSpec((LegRequest("common"), LegRequest("common"))),
        dataclasses.replace(SPEC, batch=0),
        dataclasses.replace(SPEC, keep=0),
        dataclasses.replace(SPEC, ranking=RankPlan(depth=0)),
    ):
        with pytest.raises(InvalidInput):
            run(questions, out, chain, spec, KEY)
    with pytest.raises(InvalidInput, match="x:3: the question has no input"):
        run([parse_record(b'{"id": 1, "input": " "}', "x:3")], out, chain, SPEC, KEY)
    assert not list(tmp_path.iterdir())


def test_names() -> None:
    one = RunSpec((LegRequest("bm25"),))
    assert system_names(one, ranked=False, answered=False) == ["bm25"]
    assert system_names(one, ranked=True, answered=False) == ["bm25", "ranked"]
    assert system_names(SPEC, ranked=True, answered=True) == ["common", "order", "rrf", "answer"]


def test_tables_refuse_files_of_other_questions(chain: Any, questions: list[Record], tmp_path: Path) -> None:
    files = run(questions[:4], tmp_path / "run.jsonl", chain, SPEC, KEY)
    with pytest.raises(InvalidInput, match="has 4 of 6 predictions"):
        kilt_table("x", questions, files)
    with pytest.raises(InvalidInput, match="is of 'q0', not of '1'"):
        kilt_table("x", questions[1:3], files)
    without = [dataclasses.replace(question, outputs=()) for question in questions[:4]]
    with pytest.raises(InvalidInput, match="has no output"):
        kilt_table("x", without, files)
    assert first_hit(without[0], []) is None
    assert first_hit(questions[0], []) == 0


def test_beir(chain: Any, questions: list[Record], tmp_path: Path) -> None:
    files = run(questions, tmp_path / "run.jsonl", chain, SPEC, KEY)
    qrels = {question.id: {"badger": 1, "otter": 0} for question in questions}
    table = beir_table("x", questions, qrels, files, ks=[1, 10])
    order = table.rows[1].metrics
    # Pages in corpus order: otter, heron, badger, swift.
    assert order["MRR@10"] == order["MAP"] == 1 / 3
    assert order["nDCG@10"] == 1 / 2
    assert order["recall@1"] == order["P@1"] == 0
    assert table.columns == ["nDCG@10", "recall@1", "recall@10", "MRR@10", "MAP", "P@1"]


def test_a_real_index(index_folder: Path, questions: list[Record], tmp_path: Path) -> None:
    with Index.open(index_folder) as index, RetrievalPipeline(index) as pipeline:
        spec = RunSpec((LegRequest("bm25"),))
        files = run(questions, tmp_path / "run.jsonl", pipeline, spec, {"index": index.manifest.result_hash})
    [row] = kilt_table("animals", questions, files).rows
    assert row.metrics["hit@5"] == 1
    assert row.metrics["Rprec"] >= 5 / 6
