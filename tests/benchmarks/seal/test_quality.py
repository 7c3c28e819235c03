"""`skerry bench seal-quality` on a small index, beside `skerry eval run`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from skerry.benchmarks.seal.scored import ABLATIONS
from skerry.core.errors import IndexNotReady, InvalidInput, NotFound
from skerry.evaluation.bootstrap import paired_p_value
from skerry.retrieval.seal.scoring import SCORINGS
from skerry.services.cli.bench import bench
from skerry.services.cli.eval import evaluate

from .conftest import QUESTIONS, Small

KS = "1,2,3,5"
HITS = ("hit@1", "hit@2", "hit@3", "hit@5")


def quality(small: Small, *arguments: object) -> dict[str, dict[str, float]]:
    """Rows by name."""
    call = ["seal-quality", "--index", small.index, "--gold", small.gold, "--ks", KS, "--fuse", "bm25"]
    call += ["--adapters", "none", "--json", "--quiet", *arguments]
    done = CliRunner().invoke(bench, [str(part) for part in call], catch_exceptions=False)
    return {name: row["metrics"] for name, row in json.loads(done.stdout)["systems"].items()}


def evaluated(small: Small, out: Path, scoring: str, fusion: str) -> dict[str, Any]:
    """What `skerry eval run` says: rows by system."""
    call = ["run", "--index", small.index, "--gold", small.gold, "--out", out, "--ks", KS, "--json"]
    call += ["--quiet", "--fusion", fusion, "--set", "seal.beams=2", "--set", f"seal.scoring={scoring}"]
    done = CliRunner().invoke(evaluate, [str(part) for part in call], catch_exceptions=False)
    return {name: row["metrics"] for name, row in json.loads(done.stdout)["systems"].items()}


def hits(row: dict[str, float]) -> list[float]:
    return [row[name] for name in HITS]


@pytest.fixture(scope="module")
def table(small: Small, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Rows, and the file of the lists they are made of."""
    out = tmp_path_factory.mktemp("quality") / "lists.jsonl"
    return quality(small, "--beams", "1,2", "--out", out), out


@pytest.mark.parametrize(("scoring", "fusion"), [("intersective", "rrf"), ("lm", "convex")])
def test_hits_are_those_of_an_evaluation(
    scoring: str, fusion: str, small: Small, table: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    rows, _ = table
    expected = evaluated(small, tmp_path / "run.jsonl", scoring, fusion)
    name = f"seal, none, 2 beams, {scoring}"
    assert hits(rows[name]) == hits(expected["seal"])
    assert hits(rows["bm25"]) == hits(expected["bm25"])
    assert hits(rows[f"{name} + bm25: {fusion}"]) == hits(expected[fusion])


def test_rows(table: tuple[dict[str, Any], Path]) -> None:
    rows, _ = table
    assert rows["seal, none, 2 beams, intersective"]["hit@1"] >= 3 / 5
    for beams in (1, 2):
        for scoring in SCORINGS:
            alone = f"seal, none, {beams} beams, {scoring}"
            assert "p@1" not in rows[alone]
            for fusion in ("rrf", "convex"):
                fused = rows[f"{alone} + bm25: {fusion}"]
                for k in (1, 5):
                    gain = fused[f"hit@{k}"] - rows["bm25"][f"hit@{k}"]
                    assert fused[f"+hit@{k}"] == pytest.approx(gain)
                    assert 0 < fused[f"p@{k}"] <= 1
    ablated = [name for name in rows if name.endswith(ABLATIONS)]
    assert ablated == [f"seal, none, 2 beams, {name}" for name in ABLATIONS]
    assert len(rows) == 1 + 2 * len(list(SCORINGS)) * 3 + len(ABLATIONS)
    assert paired_p_value([1, 0], [1, 0]) == 1


def test_a_killed_run_goes_on(small: Small, table: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    rows, finished = table
    lines = finished.read_bytes().splitlines(keepends=True)
    assert len(lines) == 1 + 3 * len(QUESTIONS)
    out = tmp_path / "lists.jsonl"
    out.write_bytes(b"".join(lines[:9]) + lines[9][:50])
    assert quality(small, "--beams", "1,2", "--out", out) == rows
    assert len(out.read_bytes().splitlines()) == len(lines)
    assert out.read_bytes().startswith(b"".join(lines[:9]))
    # All is there: nothing is asked again, whatever is made of it.
    before = out.read_bytes()
    weighed = quality(small, "--beams", "1,2", "--out", out, "--weights", "0.001,1")
    assert out.read_bytes() == before
    assert weighed.items() >= rows.items()
    slight = weighed["seal, none, 2 beams, lm, weight 0.001 + bm25: convex"]
    assert slight["hit@1"] == rows["bm25"]["hit@1"]


def test_markdown(small: Small, table: tuple[dict[str, Any], Path]) -> None:
    call = ["seal-quality", "--index", small.index, "--gold", small.gold, "--fuse", "none", "--beams", "2"]
    call += ["--adapters", "none", "--questions", "2", "--out", table[1], "--quiet", "--ks", "1,5"]
    done = CliRunner().invoke(bench, [str(part) for part in call], catch_exceptions=False)
    title, _, head, _, *rows = done.stdout.splitlines()
    assert title == "gold.jsonl: 2 questions, hit@k by gold paragraph"
    assert head == "| system | hit@1 | hit@5 |"
    assert len(rows) == len(list(SCORINGS)) + len(ABLATIONS)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("--adapters", "shipped"), NotFound, "No adapter is shipped for the model"),
        (("--adapters", "/nowhere"), NotFound, "/nowhere"),
        (("--adapters", "none,none"), InvalidInput, "each once"),
        (("--fuse", "bm26"), NotFound, "bm26"),
        (("--fuse", "dense"), IndexNotReady, "without the leg 'dense'"),
        (("--fuse", "seal"), InvalidInput, "other legs"),
        (("--beams", "0"), InvalidInput, "--beams"),
        (("--ks", "0"), InvalidInput, "--ks"),
        (("--weights", "0"), InvalidInput, "--weights"),
    ],
)
def test_bad_input(arguments: tuple[str, str], error: type[Exception], message: str, small: Small) -> None:
    with pytest.raises(error, match=message):
        quality(small, *arguments)
