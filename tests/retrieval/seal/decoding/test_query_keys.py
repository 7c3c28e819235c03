"""The question's own n-grams, and scoring keys again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, DeadlineExceeded
from skerry.retrieval.seal.decoding import DecodingOptions, Key, decode, rescore
from skerry.retrieval.seal.decoding.rescore import sequence_scores
from skerry.retrieval.seal.prompts import body_prompt, title_prompt
from skerry.retrieval.seal.query_keys import query_spans

END = 0
WORDS = ["who", "the", "Bell", "Rock", "bell", "rock", "Lighthouse", "lighthouse", "built", "Built", "of"]
NUMBER = {word: number for number, word in enumerate(WORDS, 1)}
UNKNOWN = len(WORDS) + 1


@pytest.fixture
def model(kit: Any) -> Any:
    model = kit.model(UNKNOWN + 1, END)
    model.vocabulary = SimpleNamespace(
        size=UNKNOWN + 1,
        title_end=END,
        encode=model.vocabulary.encode,
        words=lambda text: [NUMBER.get(word, UNKNOWN) for word in text.split()],
    )
    return model


def spelled(text: str) -> list[int]:
    return [NUMBER[word] for word in text.split()]


def query_keys(model: Any, index: Any, questions: list[str], most: int = 200) -> list[tuple[Key, ...]]:
    options = DecodingOptions(beams=2, length=1, titles=False, query_keys=most)
    return [found.query for found in decode(model, index, questions, options).questions]


def test_spans_of_a_question() -> None:
    spans = list(query_spans("Who built  the (Bell Rock) lighthouse, of O'Neill?"))
    assert {"built", "Built", "Built the", "Built The", "Bell Rock", "bell rock", "Bell rock"} <= set(spans)
    assert {"Bell Rock) lighthouse", "O'Neill", "o'neill", "lighthouse, of O'Neill"} <= set(spans)
    assert not {"Who", "who", "the", "of", "The"} & set(spans)
    assert max(len(span.split()) for span in spans) == 3
    assert all(span == span.strip(" ()?,") for span in spans)


def test_acronyms_keep_their_case() -> None:
    assert "NASA Station" in set(query_spans("where is the NASA station"))


def test_names_keep_their_small_words() -> None:
    assert {"Bank of England", "the Bank", "The Bank"} <= set(
        query_spans("when was the bank of england founded")
    )


@pytest.mark.parametrize("question", ["", "  ", "?", "who is the", "... -- !", "¿", "the - of"])
def test_questions_without_content(question: str, kit: Any, model: Any) -> None:
    assert list(query_spans(question)) == []
    assert query_keys(model, kit.index([spelled("who the")]), [question]) == [()]


def test_keys_occur_and_carry_the_models_score(kit: Any, model: Any) -> None:
    passages = [
        [*spelled("Bell Rock"), END, *spelled("who built the Bell Rock Lighthouse")],
        [*spelled("lighthouse"), END, *spelled("the lighthouse of the rock")],
    ]
    index = kit.index(passages)
    questions = ["who built the bell rock lighthouse?", "rock"]
    first, second = query_keys(model, index, questions)
    names = {" ".join(WORDS[token - 1] for token in key.tokens): key.count for key in first}
    assert names == {
        "built": 1,
        "built the": 1,
        "who built": 1,
        "who built the": 1,
        "the Bell": 1,
        "the Bell Rock": 1,
        "Bell": 2,
        "Bell Rock": 2,
        "Bell Rock Lighthouse": 1,
        "Rock": 2,
        "rock": 1,
        "Rock Lighthouse": 1,
        "lighthouse": 2,
        "Lighthouse": 1,
    }
    assert [key.tokens for key in second] == [(NUMBER["rock"],), (NUMBER["Rock"],)]
    for question, keys in zip(questions, (first, second), strict=True):
        prompt = model.vocabulary.encode(body_prompt(question))
        assert len({key.tokens for key in keys}) == len(keys)
        for key in keys:
            assert key.kind == "query"
            found = index.find(np.array([0, len(key.tokens)]), np.array(key.tokens))
            assert found.tolist() == [[key.low, key.high]] and key.count > 0
            assert key.log_prob == pytest.approx(model.log_prob(prompt, key.tokens))
    assert [*query_keys(model, index, questions[:1]), *query_keys(model, index, questions[1:])] == [
        first,
        second,
    ]
    with_titles = decode(model, index, questions, DecodingOptions(beams=2, length=1)).questions
    assert [found.query for found in with_titles] == [first, second]


def test_the_rarest_of_too_many(kit: Any, model: Any) -> None:
    index = kit.index([spelled("bell rock bell bell"), spelled("Rock bell rock")])
    (all_keys,) = query_keys(model, index, ["bell rock"])
    (two,) = query_keys(model, index, ["bell rock"], most=2)
    assert sorted(key.count for key in two) == sorted(key.count for key in all_keys)[:2]
    assert set(two) <= set(all_keys)


def test_without_query_keys(kit: Any, model: Any) -> None:
    assert query_keys(model, kit.index([spelled("bell rock")]), ["bell rock"], most=0) == [()]


def test_impossible_query_keys_are_left_out(kit: Any, model: Any) -> None:
    prompt = model.vocabulary.encode(body_prompt("bell rock"))
    model.after(tuple(prompt))[NUMBER["bell"]] = -np.inf
    (keys,) = query_keys(model, kit.index([spelled("bell rock")]), ["bell rock"])
    assert [key.tokens for key in keys] == [(NUMBER["rock"],)]


def test_nothing_in_an_empty_corpus(kit: Any, model: Any) -> None:
    assert query_keys(model, kit.index([]), ["bell rock", "rock"]) == [(), ()]
    assert query_keys(model, kit.index([]), []) == []
    assert model.calls == [2]


def test_deadline(kit: Any, model: Any) -> None:
    with pytest.raises(DeadlineExceeded):
        rescore(model, ["bell"], [(Key((1,), 0.0, 0, 1, "body"),)], deadline=Deadline(0.0))
    gone = Deadline()
    gone.cancel()
    with pytest.raises(Cancelled):
        rescore(model, ["bell"], [(Key((1,), 0.0, 0, 1, "body"),)], deadline=gone)


@pytest.mark.parametrize("groups", [1, 3])
def test_rescoring_repeats_the_decoders_scores(kit: Any, groups: int) -> None:
    model = kit.model(8, END)
    passages = [[1, 2, END, 3, 4, 5, 1, 2, 3, 6], [2, 7, END, 5, 5, 1, 3], [7, END, 4, 4]]
    questions = ["who built the lighthouse", "where do seals sleep"]
    options = DecodingOptions(beams=6, groups=groups, diversity=3.0)
    keys = [
        (*found.titles, *found.body)
        for found in decode(model, kit.index(passages), questions, options).questions
    ]
    for most_tokens in (1, 50, 10_000):
        again = rescore(model, questions, keys, most_tokens=most_tokens)
        assert [[key.tokens for key in of_one] for of_one in again] == [
            [key.tokens for key in of_one] for of_one in keys
        ]
        for one, other in zip(sum(again, ()), sum(keys, ()), strict=True):
            assert one.log_prob == pytest.approx(other.log_prob, abs=1e-6)
            assert (one.low, one.high, one.kind) == (other.low, other.high, other.kind)


def test_rescoring_takes_the_prompt_of_the_kind(kit: Any) -> None:
    model = kit.model(8, END)
    keys = [
        Key((1, 2), -99.0, 0, 1, "query"),
        Key((1, 2), -99.0, 0, 1, "title"),
        Key((1,), -99.0, 0, 1, "body"),
    ]
    (scored,) = rescore(model, ["a question"], [keys])
    body, title = (model.vocabulary.encode(p("a question")) for p in (body_prompt, title_prompt))
    expected = [model.log_prob(body, (1, 2)), model.log_prob(title, (1, 2)), model.log_prob(body, (1,))]
    assert [key.log_prob for key in scored] == pytest.approx(expected)
    assert rescore(model, ["a", "b"], [(), ()]) == [(), ()]


def test_sequences_are_scored_in_bounded_calls(kit: Any) -> None:
    model = kit.model(8, END)
    sequences = [[1] * n for n in (3, 9, 1, 1, 2, 5)]
    state = model.start([[1], [2], [3]])
    scores = sequence_scores(model, state, [0, 2, 2, 0, 2, 0], sequences, most_tokens=5)
    assert model.calls == [3, 3, 9, 4, 5]
    prompts = [[1], [3], [3], [1], [3], [1]]
    assert scores == pytest.approx([model.log_prob(p, s) for p, s in zip(prompts, sequences, strict=True)])
