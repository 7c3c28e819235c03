"""`skerry train embedding` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skerry.core.models.store import ModelStore
from skerry.retrieval.embedding import adapter

from ..ranking.tiny import write_gold, write_model  # noqa: TID252 -- another room's tests
from .train_command import TrainCommand
from .training_folder import write_index_and_gold


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`index`, `gold.jsonl` of twenty questions, the encoder `tiny`, `corpus.jsonl`, and `similar.jsonl`."""
    folder = tmp_path_factory.mktemp("train-embedding")
    write_model(folder / "tiny")
    write_index_and_gold(folder)
    pairs = [
        {"sentence1": "the otter sleeps", "sentence2": "the heron eats", "score": score}
        for score in (0, 2.5, 5)
    ]
    (folder / "similar.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    return folder


@pytest.fixture
def train(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> TrainCommand:
    monkeypatch.setenv("SKERRY_MODELS", str(folder / "models"))
    options = {
        "corpus": str(folder / "index"),
        "gold": str(folder / "gold.jsonl"),
        "base": str(folder / "tiny"),
        "pairs": "1x8,1x16",
        "ranks": "2",
        "held-out": "0.4",
        "passages": "4",
        "whole": "trained",
    }
    return TrainCommand("embedding", tmp_path / "out", options, capsys)


def test_from_questions_texts_and_graded_pairs_to_an_adapter(folder: Path, train: TrainCommand) -> None:
    texts = f"kilt={folder / 'corpus.jsonl'}"
    code, printed, told = train(
        "--json", "--texts", texts, "--texts", texts, similarity=str(folder / "similar.jsonl"), steps="9"
    )
    assert code == 0, told
    record = json.loads(printed)
    assert record == json.loads((train.out / "training.json").read_text())
    assert (record["questions"], record["texts"], record["similar"]) == (12, 40, 3)
    assert record["settings"]["steps"] == 9
    held = record["held_out"]
    assert (held["questions"], held["passages"]) == (8, 20)
    for scores in (held["before"], held["after"]):
        assert [(one["layers"], one["dimensions"]) for one in scores] == [(1, 8), (1, 16), (2, 32)]
        assert all(0 <= one["hit_at_1"] <= one["hit_at_5"] <= 1 for one in scores)
    assert sorted(path.name for path in train.out.iterdir()) == [
        adapter.WEIGHTS,
        adapter.CONFIG,
        "training.json",
    ]
    model = ModelStore(folder / "models").resolve(str(folder / "tiny"))
    assert adapter.chosen_adapter(str(train.out), model) is not None


def test_words_for_people(train: TrainCommand) -> None:
    code, printed, told = train(loss="2dmse", epochs="2")
    assert code == 0, told
    lines = printed.splitlines()
    assert lines[0] == "8 questions of unseen pages, 20 passages"
    assert lines[1].split() == [
        "layers",
        "dimensions",
        "hit@1",
        "before",
        "after",
        "hit@5",
        "before",
        "after",
    ]
    assert [line.split()[:2] for line in lines[2:]] == [["1", "8"], ["1", "16"], ["2", "32"]]
    assert told.strip() == f"The adapter is in {train.out}."


def test_nothing_held_out(train: TrainCommand) -> None:
    """A share of nought still holds a page out: the printed scores are never of nothing."""
    code, printed, told = train(held_out="0")
    assert code == 0, told
    assert printed.startswith("2 questions of unseen pages")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("gold", "/no/such/gold.jsonl", "/no/such/gold.jsonl"),
        ("base", "/no/such/model", "/no/such/model"),
        ("base", "all-MiniLM-L6-v2", "skerry models pull"),
        ("pairs", "1x8,half", "LAYERSxDIMENSIONS"),
        ("pairs", "", "LAYERSxDIMENSIONS"),
        ("pairs", "1x-8", "LAYERSxDIMENSIONS"),
        ("pairs", "99x8", "99x8"),
        ("pairs", "1x1000000", "1x1000000"),
        ("ranks", "2,many", "list of ranks"),
        ("ranks", "0", "list of ranks"),
        ("ranks", "2,2,2", "3 ranks for the 2 layers"),
        ("loss", "triplet", "structured"),
        ("texts", "corpus.jsonl", "FORMAT=PATH"),
        ("texts", "docx=corpus.jsonl", "docx"),
        ("texts", "kilt=/no/such/corpus", "/no/such/corpus"),
        ("passages", "1", "--passages"),
        ("steps", "0", "--steps"),
        ("seed", "-1", "--seed"),
        ("held_out", "0.7", "--held-out"),
    ],
)
def test_options_that_cannot_be(option: str, value: str, said: str, train: TrainCommand) -> None:
    code, printed, told = train(**{option: value})
    assert (code, printed) == (2, "")
    assert said in told
    assert "Traceback" not in told
    assert not train.out.exists()


def test_what_is_no_training_data(tmp_path: Path, train: TrainCommand) -> None:
    place = {"wikipedia_id": "elsewhere", "start_paragraph_id": 1, "start_character": 0}
    line = {"id": 1, "input": "Where?", "output": [{"answer": "there", "provenance": [place]}]}
    gold = tmp_path / "other.jsonl"
    gold.write_text(json.dumps(line) + "\n")
    code, _, told = train(gold=str(gold))
    assert code == 2
    assert f"{gold} has no question whose evidence is in the index" in told
    write_gold(gold, animals=1)
    code, _, told = train(gold=str(gold))
    assert code == 2
    assert "no usable pair" in told
    code, _, told = train(similarity=str(gold))
    assert code == 2
    assert f"{gold}:1" in told
    assert not train.out.exists()


def test_an_index_that_has_not_been_built(train: TrainCommand) -> None:
    code, _, told = train(corpus="/no/such/index")
    assert code == 1
    assert "/no/such/index" in told


def test_by_default_the_whole_size_is_kept(folder: Path, train: TrainCommand) -> None:
    texts = f"kilt={folder / 'corpus.jsonl'}"
    code, printed, told = train("--json", "--texts", texts, steps="3", whole="kept")
    assert code == 0, told
    record = json.loads(printed)
    assert record["settings"]["keep_whole"]
    _, factors = adapter.load(train.out)
    assert adapter.keeps_whole(factors, 2)
