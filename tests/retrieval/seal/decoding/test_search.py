"""The batched search against plain enumeration and plain beam searches, and the mistakes known of others."""

from __future__ import annotations

import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, DeadlineExceeded, InvalidInput
from skerry.retrieval.seal.decoding import Decoded, Decoding, DecodingOptions, decode
from skerry.retrieval.seal.prompts import body_prompt, title_prompt

END = 0
QUESTIONS = ["who built the lighthouse", "where do seals sleep", "what is a skerry"]

passages_of_few_words = st.lists(
    st.tuples(st.lists(st.integers(1, 5), max_size=4), st.lists(st.integers(1, 5), max_size=12)).map(
        lambda parts: [*parts[0], END, *parts[1]]
    ),
    max_size=6,
)


def ngrams(passages: list[list[int]], length: int) -> Counter[tuple[int, ...]]:
    """Every n-gram of up to `length` tokens without a title's end, and how often it occurs."""
    return Counter(
        tuple(tokens[start : start + size])
        for tokens in passages
        for size in range(1, length + 1)
        for start in range(len(tokens) - size + 1)
        if END not in tokens[start : start + size]
    )


def titles_of(passages: list[list[int]], longest: int) -> Counter[tuple[int, ...]]:
    """Every title, with its end, of 2 to `longest` tokens, and how many passages have it."""
    titles = Counter(tuple(tokens[: tokens.index(END) + 1]) for tokens in passages if END in tokens)
    return Counter({title: n for title, n in titles.items() if 2 <= len(title) <= longest})


def prompts(model: Any, question: str) -> tuple[list[int], list[int]]:
    encode = model.vocabulary.encode
    return encode(body_prompt(question)), encode(title_prompt(question))


def plain_search(
    model: Any, passages: list[list[int]], question: str, options: DecodingOptions
) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """Body n-grams and titles as one slow search a pass finds them, over lists of tuples."""
    body, title = prompts(model, question)

    def steps(prompt: list[int], counts: Counter[tuple[int, ...]], length: int) -> Any:
        groups: list[list[tuple[int, ...]]] = [[()]] * options.groups
        for step in range(length):
            taken: Counter[int] = Counter()
            held: set[tuple[int, ...]] = set()
            grown = []
            for group in groups:
                options_ = [(*g, t) for g in group for t in range(1, model.vocabulary.size)]
                options_ = [g for g in options_ if counts[g] and g not in held]
                if step == 0:
                    penalty: Any = dict.fromkeys(range(model.vocabulary.size), 0)
                else:
                    penalty = taken
                options_.sort(
                    key=lambda g, penalty=penalty: (
                        options.diversity * penalty[g[-1]] - model.log_prob(prompt, g)
                    )
                )
                best = options_[: options.beams // options.groups]
                grown.append(best)
                held |= set(best)
                taken.update(g[-1] for g in best)
            groups = grown
            yield [g for group in groups for g in group]

    found = [g for step in steps(body, ngrams(passages, options.length), options.length) for g in step]
    prefixes = Counter(tuple(t[:n]) for t in passages for n in range(1, len(t) + 1) if END not in t[:n])
    whole = titles_of(passages, options.title_length)
    complete = [
        (*g, END)
        for step in steps(title, prefixes, options.title_length - 1)
        for g in step
        if whole[(*g, END)]
    ]
    complete.sort(key=lambda g: -model.log_prob(title, g))
    return found, complete[: options.beams]


def check(kit: Any, model: Any, passages: list[list[int]], question: str, found: Decoded) -> None:
    """What must hold of every result: true counts, ranges, log-probabilities; no key twice; whole titles."""
    index = kit.index(passages)
    body, title = prompts(model, question)
    bodies, titles = ngrams(passages, 64), titles_of(passages, 64)
    for key in found.body:
        assert key.kind == "body"
        assert key.count == bodies[key.tokens] > 0
        scratch = index.find(np.array([0, len(key.tokens)]), np.array(key.tokens))
        assert scratch.tolist() == [[key.low, key.high]]
        assert key.log_prob == pytest.approx(model.log_prob(body, key.tokens), abs=1e-9)
    for key in found.titles:
        assert key.kind == "title" and key.tokens[-1] == END
        assert key.count == titles[key.tokens] > 0
        scratch = index.beginnings()
        for token in key.tokens:
            scratch = index.extend(scratch, np.array([token]))
        assert scratch.tolist() == [[key.low, key.high]]
        assert key.log_prob == pytest.approx(model.log_prob(title, key.tokens), abs=1e-9)
    for keys in (found.body, found.titles):
        assert len({key.tokens for key in keys}) == len(keys)
    np.testing.assert_array_equal(found.first_log_probs, model.after(tuple(body)))


def as_data(decoding: Decoding) -> list[Any]:
    return [
        (found.body, found.titles, found.query, found.first_log_probs.tolist())
        for found in decoding.questions
    ]


@settings(max_examples=60, deadline=None)
@given(passages_of_few_words, st.integers(1, 4), st.integers(2, 6))
def test_enough_beams_find_everything(
    kit: Any, passages: list[list[int]], length: int, title_length: int
) -> None:
    model = kit.model(size=6, title_end=END)
    options = DecodingOptions(beams=100, length=length, title_length=title_length)
    for question, found in zip(
        QUESTIONS, decode(model, kit.index(passages), QUESTIONS, options).questions, strict=True
    ):
        check(kit, model, passages, question, found)
        assert {key.tokens: key.count for key in found.body} == ngrams(passages, length)
        assert {key.tokens: key.count for key in found.titles} == titles_of(passages, title_length)


@settings(max_examples=120, deadline=None)
@given(
    passages_of_few_words,
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(2, 6),
    st.sampled_from([0.0, 0.3, 1.0, 50.0]),
    st.integers(0, 3),
)
def test_as_a_plain_search(
    kit: Any,
    passages: list[list[int]],
    groups: int,
    group_size: int,
    length: int,
    title_length: int,
    diversity: float,
    seed: int,
) -> None:
    model = kit.model(size=6, title_end=END, seed=seed)
    options = DecodingOptions(
        beams=groups * group_size,
        length=length,
        title_length=title_length,
        groups=groups,
        diversity=diversity,
    )
    for question, found in zip(
        QUESTIONS, decode(model, kit.index(passages), QUESTIONS, options).questions, strict=True
    ):
        check(kit, model, passages, question, found)
        body, titles = plain_search(model, passages, question, options)
        assert sorted(key.tokens for key in found.body) == sorted(body)
        if groups == 1:
            assert [key.tokens for key in found.titles] == titles


@settings(max_examples=40, deadline=None)
@given(passages_of_few_words, st.integers(1, 3), st.integers(1, 3), st.integers(1, 40))
def test_together_as_alone(
    kit: Any, passages: list[list[int]], groups: int, group_size: int, most_rows: int
) -> None:
    model, index = kit.model(size=6, title_end=END), kit.index(passages)
    options = DecodingOptions(beams=groups * group_size, length=5, title_length=5, groups=groups)
    together = as_data(decode(model, index, QUESTIONS, options))
    assert together == as_data(decode(model, index, QUESTIONS, options))
    assert together == as_data(decode(model, index, QUESTIONS, options, most_rows=most_rows))
    assert together == [as_data(decode(model, index, [question], options))[0] for question in QUESTIONS]


def test_body_is_ordered_by_length_and_score(kit: Any) -> None:
    passages = [[1, 2, END, 3, 4, 5, 1, 2, 3, 5, 4, 1], [2, END, 5, 5, 1, 3, 2, 4]]
    (found,) = decode(
        kit.model(6, END), kit.index(passages), QUESTIONS[:1], DecodingOptions(beams=4)
    ).questions
    order = [(len(key.tokens), -key.log_prob) for key in found.body]
    assert order == sorted(order)


def test_few_continuations_leave_beams_empty(kit: Any) -> None:
    """Two continuations under 15 beams: two hypotheses, and none made of masked tokens."""
    passages = [[7, END, 1, 2, 3], [8, END, 1, 4]]
    model = kit.model(size=40, title_end=END)
    (found,) = decode(model, kit.index(passages), QUESTIONS[:1], DecodingOptions(length=3)).questions
    check(kit, model, passages, QUESTIONS[0], found)
    assert Counter(len(key.tokens) for key in found.body) == {1: 6, 2: 3, 3: 1}
    assert {key.tokens for key in found.titles} == {(7, END), (8, END)}
    assert max(model.calls[1:]) <= 6 + 2  # live hypotheses only ever go through the model


def test_the_last_passages_title_is_found(kit: Any) -> None:
    passages = [[5, 6, END, 1, 2], [7, 8, 9, END, 3]]
    (found,) = decode(kit.model(10, END), kit.index(passages), QUESTIONS[:1]).questions
    assert {key.tokens for key in found.titles} == {(5, 6, END), (7, 8, 9, END)}
    (found,) = decode(kit.model(10, END), kit.index(passages[1:]), QUESTIONS[:1]).questions
    assert {key.tokens for key in found.titles} == {(7, 8, 9, END)}


def test_a_title_is_whole_and_first(kit: Any) -> None:
    """Not the end of another's title, not the beginning of one, not text, not one that is too long."""
    passages = [[5, 6, END, 1, 2], [6, 7, 5, 6, 7, END, 3], [3, 4]]
    options = DecodingOptions(beams=50, title_length=5)
    (found,) = decode(kit.model(10, END), kit.index(passages), QUESTIONS[:1], options).questions
    assert [key.tokens for key in found.titles] == [(5, 6, END)]


def test_a_title_needs_words_and_text_need_not_follow(kit: Any) -> None:
    passages = [[END, 1, 2], [4, END], [END]]
    (found,) = decode(kit.model(10, END), kit.index(passages), QUESTIONS[:1]).questions
    assert [key.tokens for key in found.titles] == [(4, END)]
    assert {key.tokens for key in found.body} == {(1,), (2,), (4,), (1, 2)}


def test_an_unlikely_end_is_still_seen(kit: Any) -> None:
    """A title that goes on in a longer one is complete too, though its end never is among the best beams."""
    passages = [[1, END, 2], *([1, t, END, 2] for t in range(2, 9))]
    model = kit.model(10, END)
    for question in QUESTIONS:
        prompt = tuple(prompts(model, question)[1])
        model.after((*prompt, 1))[END] = -9.0
    options = DecodingOptions(beams=8)
    for found in decode(model, kit.index(passages), QUESTIONS, options).questions:
        assert (1, END) in {key.tokens for key in found.titles}


def test_stops_when_no_title_can_still_win(kit: Any) -> None:
    """One beam, a short title nearly certain: the long one's 40 steps are not gone."""
    long = [2, *([3] * 38)]
    passages = [[1, END, 4], [*long, END, 4]]
    model = kit.model(6, END)
    prompt = tuple(prompts(model, QUESTIONS[0])[1])
    model.after(prompt)[1] = -0.1
    model.after((*prompt, 1))[END] = -0.1
    options = DecodingOptions(beams=1, length=1, title_length=40)
    decoding = decode(model, kit.index(passages), QUESTIONS[:1], options)
    assert [key.tokens for key in decoding.questions[0].titles] == [(1, END)]
    assert decoding.profile.steps == len(model.calls) == 2


def test_without_titles(kit: Any) -> None:
    passages = [[1, 2, END, 3, 4, 5], [2, END, 5, 5]]
    model, index = kit.model(6, END), kit.index(passages)
    both = decode(model, index, QUESTIONS, DecodingOptions(beams=3))
    model.calls.clear()
    bare = decode(model, index, QUESTIONS, DecodingOptions(beams=3, titles=False))
    assert model.calls[0] == len(QUESTIONS)
    for one, other in zip(bare.questions, both.questions, strict=True):
        assert one.titles == () and one.body == other.body


@pytest.mark.parametrize("passages", [[], [[]], [[], [END], []]])
def test_nothing_to_find(kit: Any, passages: list[list[int]]) -> None:
    for found in decode(kit.model(6, END), kit.index(passages), QUESTIONS).questions:
        assert (found.body, found.titles) == ((), ())
        assert found.first_log_probs.shape == (6,)


def test_impossible_tokens_are_no_keys(kit: Any) -> None:
    """What the model gives no probability at all has no score to be ranked by."""
    model = kit.model(6, END)
    body, title = prompts(model, QUESTIONS[0])
    model.after(tuple(body))[3] = -np.inf
    model.after(tuple(title))[1] = -np.inf
    (found,) = decode(model, kit.index([[1, END, 3, 4], [2, END, 4]]), QUESTIONS[:1]).questions
    assert {key.tokens for key in found.body} == {(1,), (2,), (4,)}
    assert {key.tokens for key in found.titles} == {(2, END)}


def test_more_logits_than_tokens(kit: Any) -> None:
    """Columns beyond the corpus's alphabet are never chosen, however likely."""
    model = kit.model(5000, END)
    passages = [[1, 2, END, 3, 4, 5], [2, END, 5, 5]]
    (found,) = decode(model, kit.index(passages), QUESTIONS[:1]).questions
    check(kit, model, passages, QUESTIONS[0], found)


def test_diversity_spreads_tokens(kit: Any) -> None:
    """A model that likes the same tokens whatever came before: plain beams end alike, groups less so."""
    random = np.random.default_rng(1)
    passages = [[1, END, *random.integers(1, 30, 60).tolist()] for _ in range(60)]
    model, index = kit.model(30, END), kit.index(passages)
    shared = {length: model.after((length,)) for length in range(20)}
    model.after = lambda prefix: shared[len(prefix)]
    different = []
    for groups in (1, 6):
        options = DecodingOptions(beams=12, groups=groups, diversity=1.0, length=2)
        (found,) = decode(model, index, QUESTIONS[:1], options).questions
        different.append(len({key.tokens[-1] for key in found.body if len(key.tokens) == 2}))
    assert different[1] > different[0]


def test_several_threads_share_model_and_index(kit: Any) -> None:
    passages = [[1, 2, END, 3, 4, 5, 1, 2, 3], [2, END, 5, 5, 1, 3]]
    model, index = kit.model(6, END), kit.index(passages)
    alone = as_data(decode(model, index, QUESTIONS))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: as_data(decode(model, index, QUESTIONS)), range(8)))
    assert all(result == alone for result in results)


def test_deadline_between_steps(kit: Any) -> None:
    passages = [[1, END, 1, 2, 3, 4, 5]]
    model = kit.model(6, END)
    with pytest.raises(DeadlineExceeded, match="n-grams"):
        decode(model, kit.index(passages), QUESTIONS, deadline=Deadline(0.0))
    assert model.calls == []
    deadline = Deadline()
    start = model.start

    def leaves(prompts: Any) -> Any:
        deadline.cancel()
        return start(prompts)

    model.start = leaves
    with pytest.raises(Cancelled):
        decode(model, kit.index(passages), QUESTIONS, deadline=deadline)
    assert len(model.calls) == 1


def test_profile_adds_up(kit: Any) -> None:
    model = kit.model(6, END)
    profile = decode(model, kit.index([[1, END, 1, 2, 3, 4, 5]]), QUESTIONS).profile
    assert (profile.steps, profile.rows) == (len(model.calls), sum(model.calls))
    assert profile.lm_seconds > 0 and profile.index_seconds > 0
    assert profile.lm_seconds + profile.index_seconds + profile.other_seconds == pytest.approx(
        profile.total_seconds
    )
    assert decode(model, kit.index([]), []).questions == ()


def test_a_question_beyond_the_context(kit: Any) -> None:
    model = kit.model(6, END)
    fits = " ".join(["word"] * (model.context - 2 - 15))
    assert len(decode(model, kit.index([]), [fits]).questions) == 1
    with pytest.raises(InvalidInput, match="reads 200"):
        decode(model, kit.index([]), [QUESTIONS[0], fits + " word"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *itertools.product(["beams", "length", "title_length", "groups"], [0, -1, 101, 1.5, True, "3", None]),
        *itertools.product(["diversity"], [-0.1, float("nan"), float("inf"), "1", None, True]),
        ("title_length", 1),
        ("groups", 2),
        ("groups", 16),
        *itertools.product(["query_keys"], [-1, 1001, 1.0, True, None]),
    ],
)
def test_options_outside_their_bounds(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        DecodingOptions(**{name: value})
    assert caught.value.details["option"] == name


@pytest.mark.parametrize("most_rows", [0, -5])
def test_no_rows_at_all(kit: Any, most_rows: int) -> None:
    with pytest.raises(InvalidInput, match="most_rows"):
        decode(kit.model(6, END), kit.index([]), QUESTIONS, most_rows=most_rows)
