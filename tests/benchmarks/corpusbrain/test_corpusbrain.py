"""`skerry bench corpusbrain` on a small index, beside `skerry eval run`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from skerry.benchmarks.corpusbrain.pages import COLUMNS, systems
from skerry.core.errors import IndexNotReady, InvalidInput
from skerry.services.cli.bench import bench
from skerry.services.cli.eval import evaluate

from ...services.training_folder import (  # noqa: TID252 -- another room's index
    write_title_index_and_gold,
)

FUSED = ("rrf", "convex")
OWN = ("titles alone", "decoder's titles alone", "memory's titles alone", "corpusbrain")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`index` and `gold.jsonl`. Commands find no other models."""
    folder = tmp_path_factory.mktemp("bench-corpusbrain")
    write_title_index_and_gold(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKERRY_MODELS", str(folder / "models"))
        yield folder


def call(command: Any, *arguments: object) -> str:
    done = CliRunner().invoke(command, [str(part) for part in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_figures_are_those_of_an_evaluation(folder: Path, tmp_path: Path) -> None:
    gold = ("--gold", folder / "gold.jsonl", "--quiet")
    table = json.loads(
        call(bench, "corpusbrain", "--index", folder / "index", "--beams", "3", *gold, "--json")
    )
    assert table["title"] == "gold.jsonl: 20 questions"
    rows = {name: row["metrics"] for name, row in table["systems"].items()}
    assert list(rows) == ["bm25", *OWN, *(f"bm25 + corpusbrain: {fusion}" for fusion in FUSED)]
    told = call(
        evaluate, "run", "--index", folder / "index", *gold, "--out", tmp_path / "run.jsonl", "--json",
        "--ks", "1,5", "--set", "corpusbrain.beams=3",
    )  # fmt: skip
    expected = {name: row["metrics"] for name, row in json.loads(told)["systems"].items()}
    for name in ("bm25", "corpusbrain"):
        for ours, theirs in (("page Rprec", "Rprec"), ("hit@1", "hit@1"), ("hit@5", "hit@5")):
            assert rows[name][ours] == pytest.approx(expected[name][theirs]), (name, ours)
    for row in rows.values():
        assert set(row) == set(COLUMNS)
        assert 0 <= row["page Rprec"] <= row["page hit@5"] <= 1
        assert 0 <= row["hit@1"] <= row["hit@5"] <= row["page hit@5"]
        assert row["ms"] > 0
    # Every page has two questions, and words that no other page has.
    assert rows["bm25"]["page Rprec"] == 1


def test_several_indexes(folder: Path) -> None:
    index = folder / "index"
    printed = call(
        bench, "corpusbrain", "--index", index, "--index", f"again={index}", "--gold",
        folder / "gold.jsonl", "--limit", "4", "--spread", "--markdown", "--quiet",
    )  # fmt: skip
    head, _, *rows = printed.splitlines()
    assert head == f"| system | {' | '.join(COLUMNS)} |"
    cells = {row.split(" | ")[0].strip("| "): row.split(" | ")[1:5] for row in rows}
    assert list(cells)[-len(OWN) :] == [f"again: {name}" for name in OWN]
    assert len(rows) == 7 + 4
    for name in OWN:
        assert cells[f"again: {name}"] == cells[name]


def test_questions_of_pages_that_an_index_has_not(folder: Path, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    known, *_ = (folder / "gold.jsonl").read_text().splitlines()
    place = {"wikipedia_id": "elsewhere", "start_paragraph_id": 1, "start_character": 0}
    other = {"id": "x", "input": "Where?", "output": [{"answer": "there", "provenance": [place]}]}
    gold.write_text(f"{json.dumps(other)}\n{known}\n")
    options = ("--index", folder / "index", "--gold", gold, "--quiet", "--json")
    assert json.loads(call(bench, "corpusbrain", *options))["title"] == "gold.jsonl: 1 questions"
    gold.write_text(f"{json.dumps(other)}\n")
    with pytest.raises(InvalidInput, match="None of 1 questions is about pages"):
        call(bench, "corpusbrain", *options)


def test_indexes_that_cannot_be_compared(folder: Path) -> None:
    index = str(folder / "index")
    same = CliRunner().invoke(
        bench, ["corpusbrain", "--index", index, "--index", index, "--gold", str(folder / "gold.jsonl")]
    )
    assert same.exit_code == 2
    assert "names that differ" in same.output
    with pytest.raises(IndexNotReady, match="nowhere"):
        call(bench, "corpusbrain", "--index", "/nowhere", "--gold", folder / "gold.jsonl", "--quiet")


@pytest.mark.parametrize(
    ("legs", "names"),
    [
        (["bm25"], ["x: bm25"]),
        (["corpusbrain"], ["x: titles alone", "x: corpusbrain"]),
        (
            ["bm25", "dense", "corpusbrain"],
            [
                *("x: bm25", "x: dense", "x: titles alone", "x: corpusbrain"),
                *("x: bm25 + dense: rrf", "x: bm25 + dense + corpusbrain: rrf"),
                *("x: bm25 + dense: convex", "x: bm25 + dense + corpusbrain: convex"),
            ],
        ),
    ],
)
def test_what_is_asked_of_an_index(legs: list[str], names: list[str]) -> None:
    rows = systems("x: ", legs, beams=7, memory=False)
    assert [row.name for row in rows] == names
    for row in rows:
        asked = {leg.name: leg.options for leg in row.legs}
        if "corpusbrain" in asked:
            alone = {"passage_weight": 0.0} if row.name == "x: titles alone" else {}
            assert asked["corpusbrain"] == {"beams": 7} | alone
        assert row.fusion == (row.name.rpartition(": ")[2] if len(row.legs) > 1 else "rrf")


def test_what_is_asked_of_an_index_with_a_memory() -> None:
    rows = {row.name: row.legs[0].options for row in systems("", ["corpusbrain"], beams=7, memory=True)}
    titles = {"beams": 7, "passage_weight": 0.0}
    assert rows == {
        "titles alone": titles,
        "decoder's titles alone": titles | {"memory_share": 0.0},
        "memory's titles alone": titles | {"memory_share": 1.0},
        "corpusbrain": {"beams": 7},
    }
