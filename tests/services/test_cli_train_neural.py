"""`skerry train ranker NAME` of the neural rankers, and `skerry eval run` with what it made."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skerry.core.deadline import Deadline
from skerry.core.models.store import ModelStore
from skerry.ranking import load_ranker
from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.neural.registry import MODELS
from skerry.services.cli.main import main
from skerry.services.cli.train import ranker as group

from ..ranking.tiny import write_vectors  # noqa: TID252 -- another room's tests
from .training_folder import write_index_and_gold


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`index`, `gold.jsonl` of twenty questions, and the word vectors `tiny`."""
    folder = tmp_path_factory.mktemp("train-neural")
    write_vectors(folder / "tiny")
    write_index_and_gold(folder)
    return folder


@pytest.fixture
def options(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The options of a small training into `tmp_path / "out"`."""
    monkeypatch.setenv("SKERRY_MODELS", str(folder / "models"))
    return {
        "corpus": str(folder / "index"),
        "gold": str(folder / "gold.jsonl"),
        "out": str(tmp_path / "out"),
        "vectors": str(folder / "tiny"),
        "held-out": "0.4",
        "batch": "4",
        "hard": "3",
        "anywhere": "1",
        "epochs": "2",
        "check-every": "2",
        "document-terms": "40",
    }


def arguments(options: dict[str, str], *flags: str, name: str = "knrm") -> list[str]:
    parts = [part for option, value in options.items() for part in (f"--{option}", value)]
    return ["train", "ranker", name, *parts, *flags]


def test_every_model_has_a_command() -> None:
    assert set(group.commands) == {*MODELS, "cross-encoder"}


def test_from_questions_to_an_evaluation(folder: Path, options: dict[str, str], tmp_path: Path) -> None:
    def call(*words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "skerry", *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done

    done = call(*arguments(options, "--json"))
    record = json.loads(done.stdout)
    out = tmp_path / "out"
    assert record == json.loads((out / "training.json").read_text())
    assert record["questions"] == 12
    assert record["scores"]["questions"] == 4
    assert record["settings"]["model"] == "knrm"
    assert [look["step"] for look in record["curve"]] == [2, 4, 6]
    assert "training: 6/6 steps" in done.stderr
    assert "average precision" in done.stderr
    names = ["config.json", "ranker.safetensors", "training.json"]
    assert sorted(path.name for path in out.iterdir()) == names
    ranker = load_ranker("knrm", ModelStore(folder / "models"), out)
    [scores] = ranker.score([RankRequest("What does the otter eat?", (Candidate("", "eels"),))], Deadline())
    assert np.isfinite(scores.raw).all()

    asked = ["--index", options["corpus"], "--gold", options["gold"], "--out", str(tmp_path / "predictions")]
    done = call("eval", "run", *asked, "--ranker", "knrm", "--ranker-folder", str(out), "--json", "--quiet")
    assert "ranked" in json.loads(done.stdout)["systems"]


def test_words_for_people(
    options: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    changed = options | {"objective": "hinge", "learning-rate": "0.01", "set": "bins=11"}
    monkeypatch.setattr(sys, "argv", ["skerry", *arguments(changed, "--quiet", name="drmm")])
    main()
    printed = capsys.readouterr()
    assert [line.split()[0] for line in printed.out.splitlines()] == ["held", "hit@1", "hit@5", "calibration"]
    assert printed.err.strip() == f"The ranker is in {tmp_path / 'out'}."


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("gold", "/no/such/gold.jsonl", "/no/such/gold.jsonl"),
        ("vectors", "/no/such/vectors", "/no/such/vectors"),
        ("vectors", "glove-6b-50d", "skerry models pull"),
        ("objective", "hing", "hinge"),
        ("legs", "bm52", "bm25"),
        ("questions", "3", "one step needs 4"),
        ("hard", "30", "0 usable questions"),
        ("hard", "0", "--hard"),
        ("set", "kernels", "OPTION=VALUE"),
        ("set", "bins=3", "it has kernels"),
        ("set", "kernels=none", "whole number"),
        ("epochs", "0", "--epochs"),
        ("query-terms", "0", "--query-terms"),
        ("learning-rate", "0", "--learning-rate"),
    ],
)
def test_options_that_cannot_be(
    options: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
    told: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["skerry", *arguments(options | {option: value}, "--quiet")])
    with pytest.raises(SystemExit) as caught:
        main()
    printed = capsys.readouterr()
    assert caught.value.code == 2, printed.err
    assert printed.out == ""
    assert told in printed.err
    assert "Traceback" not in printed.err
