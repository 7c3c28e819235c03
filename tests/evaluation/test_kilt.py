"""KILT's scores of whole files: by hand, KILT's own fixtures, and every bad file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from skerry.core.errors import InvalidInput
from skerry.evaluation.gold import Record, parse_record, read_gold, read_records
from skerry.evaluation.kilt import KiltScores, score


def records(*lines: dict[str, Any]) -> list[Record]:
    return [parse_record(json.dumps(line).encode(), f"file:{i}") for i, line in enumerate(lines, start=1)]


def question(identity: object, answers: list[str], pages: list[object]) -> dict[str, Any]:
    provenance = [{"wikipedia_id": page} for page in pages]
    return {"id": identity, "output": [{"answer": answer, "provenance": provenance} for answer in answers]}


GOLD = records(
    question("1", ["Paris", "City of Paris"], [10]),
    question(2, ["red fox"], ["20", 21]),
    question("3", ["none"], [30]),
    question("4", ["x"], [40]),
)
GUESS = records(
    question("4", [""], [40]),
    question(" 3 ", ["some"], [30]),
    question("2", ["the red dog"], [20, 22]),
    question(1, ["paris"], ["10", "11", 10]),
)


def test_by_hand() -> None:
    found = score(GOLD, GUESS, ks=[5, 1])
    assert found.questions == 4
    assert found.downstream["accuracy"] == 0
    assert found.downstream["em"] == 1 / 4
    assert found.downstream["f1"] == pytest.approx((1 + 0.5) / 4)
    assert found.kilt["KILT-accuracy"] == 0
    assert found.kilt["KILT-em"] == 1 / 4
    assert found.kilt["KILT-f1"] == 1 / 4
    assert found.retrieval == pytest.approx(
        {
            "Rprec": (1 + 0.5 + 1 + 1) / 4,
            "precision@1": 3 / 4,
            "precision@5": 3 / 5 / 4,
            "recall@5": 3 / 4,
            "success_rate@5": 3 / 4,
        }
    )
    assert list(found.values["em"]) == [1, 0, 0, 0]
    assert found.extra == ()


def test_answers_are_best_over_golds_and_retrieval_gates_them() -> None:
    gold = records(question(1, ["a cat", "dog"], [1]), question(2, ["dog"], [1, 2]))
    guess = records(question(1, ["Dog"], [2, 1]), question(2, ["dog"], [2, 1, 3]))
    found = score(gold, guess)
    assert found.downstream["em"] == 1
    assert found.downstream["accuracy"] == 1 / 2
    assert found.kilt == {
        "KILT-accuracy": 1 / 2,
        "KILT-em": 1 / 2,
        "KILT-f1": 1 / 2,
        "KILT-rougel": 0.999999995 / 2,
    }


def test_without_answers_there_is_retrieval_only() -> None:
    guess = records(*({"id": i, "output": [{"provenance": []}]} for i in (1, 2, 3, 4)))
    found = score(GOLD, guess)
    assert found.downstream == found.kilt == {}
    assert set(found.retrieval.values()) == {0.0}
    gold = records({"id": 1, "output": [{"provenance": [{"wikipedia_id": 1}]}]})
    assert score(gold, records(question(1, ["said"], [1]))).downstream == {}


def test_ids_that_are_not_in_the_gold_are_told() -> None:
    found = score(GOLD, [*GUESS, *records(question("9", ["x"], [1]), question(8, ["x"], [1]))])
    assert found.extra == ("9", "8")
    assert found.questions == 4


def bad(gold: list[Record], guess: list[Record], match: str, **options: Any) -> None:
    with pytest.raises(InvalidInput, match=match):
        score(gold, guess, **options)


def test_bad_files() -> None:
    bad(GOLD, GUESS[1:], "1 of 4 gold questions have no prediction: 4")
    bad(GOLD, [], r"4 of 4 .*: 1, 2, 3, 4\.")
    bad(GOLD, [*GUESS, GUESS[0]], "file:1: the id '4' was there before")
    bad([], GUESS, "none")
    bad([*GOLD, GOLD[0]], GUESS, "not unique")
    two = records(question(1, ["a", "b"], [1]))
    bad(GOLD[:1], two, "file:1: the guess has 2 outputs")
    bad(GOLD[:1], records({"id": 1}), "file:1: the guess has 0 outputs")
    bad(records({"id": 1, "input": "?"}), records(question(1, ["a"], [1])), "file:1: the gold .* no output")
    mixed = [*GUESS[1:], *records({"id": 4, "output": [{"provenance": []}]})]
    bad(GOLD, mixed, "file:1: the guess has no answer, but others have")
    gold = [*GOLD[:1], *records({"id": 7}, {"id": 2, "output": [{"provenance": []}]})[1:]]
    bad(gold, [GUESS[3], GUESS[2]], "file:2: the gold question has no answer, but others have")


def test_bad_options() -> None:
    for ks in ([], [0], [5, -1]):
        bad(GOLD, GUESS, "ranks", ks=ks)
    for keys in ([], [""]):
        bad(GOLD, GUESS, "rank keys", rank_keys=keys)
    with_section = records(
        *(
            {"id": i, "output": [{"answer": "a", "provenance": [{"wikipedia_id": 1, "section": "s"}]}]}
            for i in (1, 2, 3, 4)
        )
    )
    bad(GOLD, with_section, "file:1: a gold provenance lacks", rank_keys=["wikipedia_id", "section"])


def fixture(shared_data: Path, gold: str, guess: str, **options: Any) -> KiltScores:
    folder = shared_data / "kilt_eval_fixtures"
    return score(
        read_gold(folder / gold), read_records(folder / guess, kind="prediction"), ks=[1, 5], **options
    )


def test_kilt_fixtures_downstream(shared_data: Path) -> None:
    found = fixture(shared_data, "gold1.jsonl", "guess1_1.jsonl")
    assert found.kilt["KILT-em"] == found.kilt["KILT-f1"] == 1 / 3
    assert found.kilt["KILT-rougel"] == 0.3333333316666667
    assert found.downstream["em"] == 2 / 3
    assert found.downstream["f1"] == 0.8333333333333334
    assert found.downstream["rougel"] == 0.7222222178240741
    assert found.retrieval["Rprec"] == found.retrieval["recall@5"] == 1 / 3

    perfect = fixture(shared_data, "gold1.jsonl", "gold1.jsonl")
    assert perfect.kilt["KILT-em"] == perfect.kilt["KILT-f1"] == perfect.downstream["f1"] == 1
    assert perfect.kilt["KILT-rougel"] == perfect.downstream["rougel"] == 0.999999995
    assert perfect.retrieval["Rprec"] == perfect.retrieval["recall@5"] == 1

    summary = fixture(shared_data, "gold3.jsonl", "guess3_1.jsonl")
    assert summary.kilt["KILT-em"] == summary.downstream["em"] == 0
    assert summary.kilt["KILT-f1"] == 0.25510204081632654
    assert summary.kilt["KILT-rougel"] == 0.22352940932318338
    assert summary.downstream["f1"] == 0.5102040816326531
    assert summary.downstream["rougel"] == 0.44705881864636676


@pytest.mark.parametrize(
    "rank_keys",
    [
        ["wikipedia_id"],
        ["wikipedia_id", "section"],
        ["wikipedia_id", "start_paragraph_id", "end_paragraph_id"],
    ],
)
def test_kilt_fixtures_retrieval(shared_data: Path, rank_keys: list[str]) -> None:
    first = fixture(shared_data, "gold2.jsonl", "guess2_1.jsonl", rank_keys=rank_keys)
    assert first.retrieval == {
        "Rprec": 1 / 2,
        "precision@1": 1,
        "precision@5": 2 / 5,
        "recall@5": 2 / 3,
        "success_rate@5": 1,
    }
    second = fixture(shared_data, "gold2.jsonl", "guess2_2.jsonl", rank_keys=rank_keys)
    assert second.retrieval == {
        "Rprec": 1,
        "precision@1": 1,
        "precision@5": 1 / 5,
        "recall@5": 1 / 3,
        "success_rate@5": 1,
    }


def test_kilt_fixture_that_is_not_json_lines(shared_data: Path) -> None:
    with pytest.raises(InvalidInput, match=r"guess3_1\.json:1: the line is not valid JSON"):
        fixture(shared_data, "gold3.jsonl", "guess3_1.json")
