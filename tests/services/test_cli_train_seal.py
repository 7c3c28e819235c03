"""`skerry train seal` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skerry.core.models.store import ModelStore
from skerry.retrieval.seal import adapter
from skerry.retrieval.seal.adapter import chosen_adapter

from ..ranking.tiny import ANIMALS, paragraphs  # noqa: TID252 -- another room's tests
from ..retrieval.seal.leg.small import write_language_model  # noqa: TID252 -- another room's model
from .train_command import TrainCommand
from .training_folder import write_index_and_gold


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`index`, `gold.jsonl` of twenty questions, and the causal model `small`."""
    folder = tmp_path_factory.mktemp("train-seal")
    write_language_model(folder / "small", [text for n in range(len(ANIMALS)) for text in paragraphs(n)])
    write_index_and_gold(folder)
    return folder


@pytest.fixture
def train(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> TrainCommand:
    monkeypatch.setenv("SKERRY_MODELS", str(folder / "models"))
    options = {
        "corpus": str(folder / "index"),
        "gold": str(folder / "gold.jsonl"),
        "base": str(folder / "small"),
        "unsupervised": "8",
        "held-out": "0.4",
        "rank": "2",
        "batch": "4",
        "ngrams": "2",
    }
    return TrainCommand("seal", tmp_path / "out", options, capsys)


def test_from_questions_to_an_adapter(folder: Path, train: TrainCommand) -> None:
    code, printed, told = train("--json")
    assert code == 0, told
    record = json.loads(printed)
    assert record == json.loads((train.out / "training.json").read_text())
    assert record["questions"] == 12
    assert record["unsupervised"] == 8
    assert record["held_out"]["questions"] == 8
    assert record["settings"]["rank"] == 2
    assert 0 < record["held_out"]["loss_after"] < 20
    assert sorted(path.name for path in train.out.iterdir()) == [
        adapter.WEIGHTS,
        adapter.CONFIG,
        "training.json",
    ]
    model = ModelStore(folder / "models").resolve(str(folder / "small"))
    assert chosen_adapter(str(train.out), model) is not None


def test_from_passages_alone(train: TrainCommand) -> None:
    code, printed, told = train(gold=None)
    assert code == 0, told
    assert printed == "learnt from 0 questions and 8 stretches of passages\n"
    assert told.strip() == f"The adapter is in {train.out}."


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("gold", "/no/such/gold.jsonl", "/no/such/gold.jsonl"),
        ("base", "/no/such/model", "/no/such/model"),
        ("base", "SmolLM2-135M-Instruct", "skerry models pull"),
        ("batch", "100", "one step needs 100"),
        ("ngrams", "0", "--ngrams"),
        ("pages", "some", "--pages"),
        ("seed", "-1", "--seed"),
        ("held_out", "0.7", "--held-out"),
    ],
)
def test_options_that_cannot_be(option: str, value: str, said: str, train: TrainCommand) -> None:
    code, printed, told = train(**{option: value})
    assert (code, printed) == (2, "")
    assert said in told
    assert "Traceback" not in told


def test_gold_of_another_corpus(tmp_path: Path, train: TrainCommand) -> None:
    place = {"wikipedia_id": "elsewhere", "start_paragraph_id": 1, "start_character": 0}
    line = {"id": 1, "input": "Where?", "output": [{"answer": "there", "provenance": [place]}]}
    gold = tmp_path / "other.jsonl"
    gold.write_text(json.dumps(line) + "\n")
    code, _, told = train(gold=str(gold))
    assert code == 2
    assert f"{gold} has no question whose evidence is in the index" in told
    assert not train.out.exists()


def test_an_index_that_has_not_been_built(train: TrainCommand) -> None:
    code, _, told = train(corpus="/no/such/index")
    assert code == 1
    assert "/no/such/index" in told
