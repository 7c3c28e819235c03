"""`skerry train` as a user calls it."""

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
from skerry.services.cli.main import main

from ..ranking.tiny import write_gold, write_model  # noqa: TID252 -- another room's tests
from .training_folder import write_index_and_gold

COMMAND = ("train", "ranker", "cross-encoder")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`index`, `gold.jsonl` of twenty questions, and the encoder `tiny`."""
    folder = tmp_path_factory.mktemp("train")
    write_model(folder / "tiny")
    write_index_and_gold(folder)
    return folder


@pytest.fixture
def options(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The options of a small training into `tmp_path / "out"`, for `call`."""
    monkeypatch.setenv("SKERRY_MODELS", str(folder / "models"))
    return {
        "corpus": str(folder / "index"),
        "gold": str(folder / "gold.jsonl"),
        "out": str(tmp_path / "out"),
        "base": str(folder / "tiny"),
        "legs": "bm25",
        "held-out": "0.4",
        "rank": "4",
        "batch": "4",
        "negatives": "3",
    }


def arguments(options: dict[str, str], *flags: str) -> list[str]:
    return [*COMMAND, *(part for name, value in options.items() for part in (f"--{name}", value)), *flags]


def failure(
    options: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """Exit status and stderr of a call that must fail and print nothing else."""
    monkeypatch.setattr(sys, "argv", ["skerry", *arguments(options, "--quiet")])
    with pytest.raises(SystemExit) as caught:
        main()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert isinstance(caught.value.code, int)
    return caught.value.code, printed.err


def test_from_questions_to_a_ranker(folder: Path, options: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "skerry", *arguments(options, "--json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    out = tmp_path / "out"
    assert record == json.loads((out / "training.json").read_text())
    assert record["questions"] == 12
    assert record["scores"]["questions"] == 4
    assert record["settings"]["rank"] == 4
    assert "hard negatives: 12/12 questions" in done.stderr
    assert "training: 3/3 steps" in done.stderr
    assert f"{out}" not in done.stdout
    names = ["adapter.safetensors", "config.json", "training.json"]
    assert sorted(path.name for path in out.iterdir()) == names
    ranker = load_ranker("cross-encoder", ModelStore(folder / "models"), out)
    [scores] = ranker.score([RankRequest("What does the otter eat?", (Candidate("", "eels"),))], Deadline())
    assert np.isfinite(scores.raw).all()


def test_words_for_people_and_a_relative_base(
    folder: Path,
    options: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    changed = options | {"base": "tiny", "questions": "8", "legs": " bm25, "}
    monkeypatch.setattr(sys, "argv", ["skerry", *arguments(changed, "--quiet")])
    main()
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0] == "held out    4 questions of unseen pages, 50 candidates each"
    assert [line.split()[0] for line in lines] == ["held", "hit@1", "hit@5", "calibration"]
    assert printed.err.strip() == f"The ranker is in {tmp_path / 'out'}."
    # The base that was named from one folder is found from any other.
    monkeypatch.chdir("/")
    load_ranker("cross-encoder", ModelStore(folder / "models"), tmp_path / "out")


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("gold", "/no/such/gold.jsonl", "/no/such/gold.jsonl"),
        ("base", "/no/such/model", "/no/such/model"),
        ("base", "all-MiniLM-L9", "all-MiniLM-L6-v2"),
        ("base", "all-MiniLM-L6-v2", "skerry models pull"),
        ("legs", "bm52", "bm25"),
        ("legs", ",", "names no legs"),
        ("legs", "bm25,bm25", "twice"),
        ("questions", "3", "one step needs 4"),
        ("batch", "100", "one step needs 100"),
        ("negatives", "30", "0 usable questions"),
        ("negatives", "0", "--negatives"),
        ("rank", "many", "--rank"),
        ("held-out", "0.7", "--held-out"),
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
    code, printed = failure(options | {option: value}, monkeypatch, capsys)
    assert code == 2, printed
    assert told in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(("option", "value"), [("corpus", "/no/such/index"), ("legs", "bm25,dense")])
def test_an_index_or_a_leg_that_has_not_been_built(
    options: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
) -> None:
    code, printed = failure(options | {option: value}, monkeypatch, capsys)
    assert code == 1
    assert value.split(",")[-1] in printed
    assert "Traceback" not in printed


def test_files_that_cannot_be(
    options: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("{}\nno json\n")
    code, printed = failure(options | {"out": str(tmp_path / "file")}, monkeypatch, capsys)
    assert code == 2
    assert "--out" in printed
    code, printed = failure(options | {"gold": str(tmp_path / "file")}, monkeypatch, capsys)
    assert code == 2
    assert f"{tmp_path / 'file'}:1" in printed


@pytest.mark.parametrize("line", ['{"id": 1, "input": "Who?", "output": []}', None])
def test_gold_with_too_few_questions(
    options: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str | None,
) -> None:
    gold = tmp_path / "gold.jsonl"
    if line is None:
        write_gold(gold, animals=1)
        gold.write_text(gold.read_text().splitlines()[0] + "\n")
    else:
        gold.write_text(line + "\n")
    code, printed = failure(options | {"gold": str(gold)}, monkeypatch, capsys)
    assert code == 2
    assert str(gold) in printed
    assert "at least two" in printed
    assert not (tmp_path / "out").exists()


def test_stopped_and_called_again_with_other_options(
    options: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "checkpoint.pt").write_bytes(b"PK")
    code, printed = failure(options, monkeypatch, capsys)
    assert code == 1
    assert "checkpoint.pt cannot be read" in printed
    assert "Remove it" in printed
