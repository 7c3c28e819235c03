"""`skerry eval rank`: one table, by folds and without, gone on with after a stop."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from skerry.services.cli.main import main

from ..ranking.tiny import ANIMALS, PLACES, write_vectors  # noqa: TID252 -- another room's tests
from .training_folder import write_index_and_gold, write_two_legged_index_and_gold


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`index`, `gold.jsonl` of twenty questions, BEIR questions of ten pages, and the word vectors `tiny`."""
    folder = tmp_path_factory.mktemp("eval-rank")
    write_vectors(folder / "tiny")
    write_index_and_gold(folder)
    with (folder / "queries.jsonl").open("w") as queries, (folder / "qrels.tsv").open("w") as qrels:
        for animal, place in zip(ANIMALS, PLACES, strict=True):
            queries.write(json.dumps({"_id": f"q-{animal}", "text": f"who sleeps in the {place}"}) + "\n")
            qrels.write(f"q-{animal}\t{animal}\t2\n")
    return folder


class Runs:
    """`skerry eval rank` with usual options and others."""

    def __init__(
        self, folder: Path, work: Path, patch: pytest.MonkeyPatch, printed: pytest.CaptureFixture[str]
    ) -> None:
        self.patch, self.printed = patch, printed
        self.options = {
            "--index": str(folder / "index"),
            "--gold": str(folder / "gold.jsonl"),
            "--work": str(work),
            "--vectors": str(folder / "tiny"),
            "--rankers": "knrm,drmm@4",
            "--epochs": "1",
            "--depth": "8",
        }
        patch.setenv("SKERRY_MODELS", str(folder / "models"))

    def __call__(self, *flags: str, **changes: str) -> pytest.CaptureResult[str]:  # type: ignore[type-var]
        options = self.options | {f"--{name}": value for name, value in changes.items()}
        words = [word for option in options.items() for word in option]
        self.patch.setattr(sys, "argv", ["skerry", "eval", "rank", *words, *flags])
        main()
        return self.printed.readouterr()

    def report(self, *flags: str, **changes: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self(*flags, "--json", **changes).out)
        return found


@pytest.fixture
def runs(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Runs:
    return Runs(folder, tmp_path / "work", monkeypatch, capsys)


def test_by_folds_and_gone_on_with(runs: Runs, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    report = runs.report("--quiet", folds="3", out=str(out))
    assert report == json.loads(out.read_text())
    systems = report["systems"]
    assert list(systems) == [
        "bm25",
        "knrm",
        "drmm",
        "legs + rankers, convex",
        "legs + rankers, lambdamart",
    ]
    assert report["questions"] == 20 and report["baseline"] == "bm25"
    for name, system in systems.items():
        metrics = system["metrics"]
        assert 0 <= metrics["hit@1"] <= metrics["hit@5"] <= 1
        assert ("p (hit@1)" in metrics) == (name != "bm25")
        assert len(system["intervals"]["hit@1"]) == 2
    assert systems["knrm"]["metrics"]["parameters"] >= 12
    assert systems["drmm"]["metrics"]["ms"] > 0

    def sets(*words: str) -> str:
        runs.patch.setattr(sys, "argv", ["skerry", "eval", "rank-sets", *words])
        main()
        return runs.printed.readouterr().out

    assert "| system | mine hit@1 | mine hit@5 | ms | parameters |" in sets(f"mine={out}", "--markdown")
    together = json.loads(sets(str(out), "--json"))["systems"]
    assert together["knrm"]["metrics"]["report hit@5"] == systems["knrm"]["metrics"]["hit@5"]
    with pytest.raises(SystemExit):
        sets(str(out), str(out))
    assert "Two comparisons are called report" in runs.printed.readouterr().err

    # Again: nothing is trained, and the rankers' times are those that were measured.
    again = runs(folds="3")
    assert "training" not in again.err and "first stage" not in again.err
    assert runs.report("--quiet", folds="3")["systems"] == systems

    # A fold that is gone is done again, and only that.
    (tmp_path / "work" / "knrm" / "fold-1.npz").unlink()
    (tmp_path / "work" / "knrm" / "fold-1" / "config.json").unlink()
    redone = runs(folds="3")
    assert redone.err.count("training:") == 1
    # Another training replaces a ranker's scores; another comparison is refused.
    longer = runs(folds="3", epochs="2")
    assert "training" in longer.err and "first stage" not in longer.err
    with pytest.raises(SystemExit):
        runs("--quiet", folds="4")
    assert "folds was 3, now 4" in runs.printed.readouterr().err
    assert runs("--quiet", "--restart", "--no-combine", folds="4").out.count("convex") == 0


def test_begun_from_trained_weights(runs: Runs, tmp_path: Path) -> None:
    runs("--quiet", "--no-combine", folds="2", rankers="knrm")
    trained = tmp_path / "work" / "knrm" / "fold-0"
    other = str(tmp_path / "other")
    as_it_is = runs.report("--quiet", rankers=f"knrm={trained}", work=other)
    assert list(as_it_is["systems"]) == ["bm25", "knrm"]
    fitted = runs("--quiet", "--no-train", "--restart", rankers=f"knrm={trained}", work=other, folds="2")
    assert "knrm" in fitted.out
    tuned = runs("--start", "--restart", rankers=f"knrm={trained}", work=other, folds="2")
    assert "training" in tuned.err


def test_judged_pages(runs: Runs, folder: Path) -> None:
    asked = {"gold": str(folder / "queries.jsonl"), "qrels": str(folder / "qrels.tsv"), "folds": "2"}
    printed = runs("--quiet", "--markdown", rankers="knrm", **asked).out
    assert "| system | nDCG@10 | MAP | P@10 | ms | parameters | p (nDCG@10) |" in printed
    assert "| bm25 |" in printed and "10 questions" in printed
    assert runs.report("--quiet", "--restart", rankers="knrm", limit="6", **asked)["questions"] == 6


def test_several_legs_and_no_ranker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_two_legged_index_and_gold(tmp_path)
    runs = Runs(tmp_path, tmp_path / "work", monkeypatch, capsys)
    report = runs.report("--quiet", rankers="none", folds="2")
    assert list(report["systems"]) == ["bm25", "dense", "fused", "legs, convex", "legs, lambdamart"]
    assert report["baseline"] == "fused"
    alone = runs.report("--quiet", rankers="none", legs="bm25", work=str(tmp_path / "alone"))
    assert list(alone["systems"]) == ["bm25"]
    # A leg's own row is the same with others beside it.
    assert alone["systems"]["bm25"]["metrics"]["MRR"] == report["systems"]["bm25"]["metrics"]["MRR"]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"rankers": "knorm"}, "knrm"),
        ({"rankers": "dssm"}, "No weights of the ranker 'dssm'"),
        ({"folds": "1"}, "cannot be 1 folds"),
        ({"folds": "50"}, "cannot be 50 folds of 10 pages"),
        ({"objective": "rank", "folds": "2"}, "ranknet"),
        ({"gold": "/nowhere"}, "/nowhere"),
        ({"legs": "dense"}, "without the leg"),
        ({"vectors": "/nowhere/tiny", "folds": "2"}, "/nowhere/tiny"),
        ({"depth": "0"}, "0"),
    ],
)
def test_wrong_usage(runs: Runs, changes: dict[str, str], word: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        runs("--quiet", **changes)
    assert stopped.value.code in (1, 2)
    error = runs.printed.readouterr().err
    assert word in error and "Traceback" not in error
