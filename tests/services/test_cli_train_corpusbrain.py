"""`skerry train corpusbrain` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skerry.core.models.store import ModelStore
from skerry.core.models.trained_files import CONFIG
from skerry.retrieval.corpusbrain.model.config import WEIGHTS
from skerry.retrieval.corpusbrain.model.files import load_asking, load_network

from .train_command import TrainCommand
from .training_folder import write_index_and_gold, write_title_index_and_gold


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`index`, `gold.jsonl` of twenty questions, and the encoder `small`."""
    folder = tmp_path_factory.mktemp("train-corpusbrain")
    write_title_index_and_gold(folder)
    return folder


@pytest.fixture
def train(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> TrainCommand:
    monkeypatch.setenv("SKERRY_MODELS", str(folder / "models"))
    options = {
        "corpus": str(folder / "index"),
        "queries": str(folder / "gold.jsonl"),
        "held-out": "0.4",
        "batch": "8",
    }
    return TrainCommand("corpusbrain", tmp_path / "out", options, capsys)


def test_from_questions_to_a_model(folder: Path, train: TrainCommand) -> None:
    code, printed, told = train("--json", seed="3", learning_rate="0.002", passes="2")
    assert code == 0, told
    record = json.loads(printed)
    assert record == json.loads((train.out / "training.json").read_text())
    counted = (record["questions"], record["chosen_by"], record["tested"])
    assert counted == (8, 4, 8)
    assert 0 <= record["before"] <= 1
    assert 0 <= record["after"] <= 1
    assert record["passes"] in (0, 1, 2)
    assert 0 <= record["strength"] <= 1
    assert record["settings"] == {"batch": 8, "seed": 3, "learning_rate": 0.002, "passes": 2}
    assert sorted(path.name for path in train.out.iterdir()) == [CONFIG, WEIGHTS, "training.json"]
    base = ModelStore(folder / "models").resolve(str(folder / "small"))
    load_network(train.out, base)
    assert load_asking(train.out, base) is not None


def test_words_for_people(train: TrainCommand) -> None:
    code, printed, told = train(questions="5")
    assert code == 0, told
    first, second = printed.splitlines()
    assert first.startswith("learnt from 5 questions: ")
    assert first.endswith(", chosen by 4 questions of other pages")
    assert second.startswith("held out    8 questions of unseen pages: page R-precision ")
    assert told.strip() == f"The model is in {train.out}."


def test_nothing_held_out(train: TrainCommand) -> None:
    code, printed, told = train(held_out="0")
    assert code == 0, told
    expected = "learnt from 20 questions: 1 passes, correction 1, chosen by 0 questions of other pages"
    assert printed.splitlines() == [expected]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("queries", "/no/such/gold.jsonl", "/no/such/gold.jsonl"),
        ("queries", None, "--queries"),
        ("questions", "0", "--questions"),
        ("held_out", "0.7", "--held-out"),
        ("learning_rate", "0", "--learning-rate"),
        ("passes", "101", "--passes"),
        ("batch", "0", "--batch"),
        ("seed", "-1", "--seed"),
    ],
)
def test_options_that_cannot_be(option: str, value: str | None, said: str, train: TrainCommand) -> None:
    code, printed, told = train(**{option: value})
    assert (code, printed) == (2, "")
    assert said in told
    assert "Traceback" not in told
    assert not train.out.exists()


def test_gold_of_another_corpus(tmp_path: Path, train: TrainCommand) -> None:
    place = {"wikipedia_id": "elsewhere", "start_paragraph_id": 1, "start_character": 0}
    line = {"id": 1, "input": "Where?", "output": [{"answer": "there", "provenance": [place]}]}
    gold = tmp_path / "other.jsonl"
    gold.write_text(json.dumps(line) + "\n")
    code, _, told = train(queries=str(gold))
    assert code == 2
    assert f"{gold} has no question whose pages are in the index" in told
    assert not train.out.exists()


def test_indexes_that_have_no_title_model(tmp_path: Path, train: TrainCommand) -> None:
    code, _, told = train(corpus="/no/such/index")
    assert code == 1
    assert "/no/such/index" in told
    write_index_and_gold(tmp_path)
    code, _, told = train(corpus=str(tmp_path / "index"))
    assert code == 1
    assert "without the leg 'corpusbrain'" in told
    assert not train.out.exists()
