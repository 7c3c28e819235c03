"""`skerry train fusion` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skerry.retrieval.fusion.learned import load_learned

from .train_command import TrainCommand
from .training_folder import write_two_legged_index_and_gold


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train-fusion")
    write_two_legged_index_and_gold(folder)
    return folder


@pytest.fixture
def train(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> TrainCommand:
    monkeypatch.setenv("SKERRY_MODELS", str(folder / "models"))
    options = {"corpus": str(folder / "index"), "gold": str(folder / "gold.jsonl"), "folds": "4"}
    return TrainCommand("fusion", tmp_path / "unused", options, capsys)


def test_a_table_by_folds_and_the_better_one_is_kept(folder: Path, train: TrainCommand) -> None:
    code, printed, told = train("--json", out=None)
    assert code == 0, told
    report = json.loads(printed)
    assert (report["questions"], report["folds"]) == (20, 4)
    systems = report["systems"]
    assert set(systems) == {"rrf", "convex", "convex, learnt", "lambdamart"}
    assert all(0 <= row["hit@1"] <= row["hit@5"] <= 1 for row in systems.values())
    best = max(("convex, learnt", "lambdamart"), key=lambda name: systems[name]["hit@1"])
    learnt = load_learned(folder / "index")
    assert learnt.method == report["method"] == best.partition(",")[0]
    assert set(learnt.legs) == {"bm25", "dense"}


@pytest.mark.parametrize("method", ["convex", "lambdamart"])
def test_a_method_by_name(method: str, folder: Path, train: TrainCommand) -> None:
    code, printed, told = train(out=None, method=method, questions="12")
    assert code == 0, told
    assert printed.startswith("12 questions, 4 folds by page\n") and "lambdamart" in printed
    assert load_learned(folder / "index").method == method
    assert f"{method} is in {folder / 'index' / 'fusion'}." in told


def test_what_cannot_be_learnt_from(folder: Path, tmp_path: Path, train: TrainCommand) -> None:
    code, _, told = train(out=None, legs="bm25")
    assert code != 0 and "nothing to fuse: the leg is bm25" in told
    code, _, told = train(out=None, folds="100")
    assert code != 0 and "100 folds of" in told
    (tmp_path / "other.jsonl").write_text(
        json.dumps({"id": "1", "input": "who?", "output": [{"answer": "x"}]}) + "\n"
    )
    code, _, told = train(out=None, gold=str(tmp_path / "other.jsonl"))
    assert code != 0 and "no question whose evidence is in the index" in told
