"""Batches: what meets in them, what is masked, and that a seed says it all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.core.errors import InvalidInput
from skerry.retrieval.embedding.training.examples import Batch, Batches, Example


def example(positive: int, *, relevant: tuple[int, ...] = (), negatives: tuple[int, ...] = ()) -> Example:
    return Example(f"about {positive}", positive, frozenset({positive, *relevant}), negatives)


@st.composite
def question_sets(draw: st.DrawFn) -> list[Example]:
    pages = draw(st.integers(2, 12))
    passage = st.integers(0, pages - 1)
    rows = st.tuples(passage, st.lists(passage, max_size=2), st.lists(passage, max_size=4))
    drawn = draw(st.lists(rows, max_size=30))
    examples = [example(0), example(1)]
    for positive, relevant, negatives in drawn:
        truth = {positive, *relevant}
        hard = tuple(dict.fromkeys(negative for negative in negatives if negative not in truth))
        examples.append(example(positive, relevant=tuple(relevant), negatives=hard))
    return examples


@settings(max_examples=60, deadline=None)
@given(question_sets(), st.integers(2, 6), st.integers(1, 3), st.integers(1, 4), st.integers(0, 5))
def test_every_batch_is_sound(
    examples: list[Example], passages: int, each: int, group: int, number: int
) -> None:
    batches = Batches(examples, passages=passages, each=each, group=group, seed=1)
    batch = batches[number]
    asked = [examples[question] for question in batch.examples.tolist()]
    columns = batch.passages.tolist()
    assert len(set(columns)) == len(columns) <= passages
    assert len(set(batch.examples.tolist())) == len(asked)
    assert [columns[target] for target in batch.targets.tolist()] == [one.positive for one in asked]
    for column, passage in enumerate(columns):
        owned = sum(one.positive == passage for one in examples)
        assert int((batch.targets == column).sum()) == min(each, owned)
    masked = [[c in one.relevant and c != one.positive for c in columns] for one in asked]
    np.testing.assert_array_equal(batch.masked, np.array(masked))


@settings(max_examples=40, deadline=None)
@given(question_sets(), st.integers(2, 6), st.integers(1, 4), st.integers(1, 3))
def test_passes_take_every_passage_once_each(
    examples: list[Example], passages: int, group: int, epochs: int
) -> None:
    batches = Batches(examples, passages=passages, each=1, group=group, seed=3)
    known = {one.positive for one in examples}
    assert set(batches.passages) == known
    size = min(passages, len(known))
    assert batches.count(epochs) == -(-epochs * len(known) // size)
    taken = [passage for number in range(len(known)) for passage in batches[number].passages.tolist()]
    # `size` passes, but for what both sides of a seam share within a batch.
    counts = [taken.count(passage) for passage in known]
    assert max(counts) <= size
    assert size - (size - 1) <= min(counts)
    if size == len(known):
        assert counts == [size] * len(known)


def test_hard_negatives_meet_their_questions() -> None:
    """Thirty-two families of four passages, each the others' hard negatives: batches are made of families."""
    families = [range(start, start + 4) for start in range(0, 128, 4)]
    examples = [
        example(passage, negatives=tuple(other for other in family if other != passage))
        for family in families
        for passage in family
    ]
    batches = Batches(examples, passages=8, each=2, group=4, seed=0)
    for number in range(batches.count(1)):
        met = {passage // 4 for passage in batches[number].passages.tolist()}
        assert len(met) == 2
    scattered = Batches(examples, passages=8, each=2, group=1, seed=0)
    assert len({passage // 4 for passage in scattered[0].passages.tolist()}) > 2


def same(one: Batch, other: Batch) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("examples", "passages", "targets", "masked")
    )


def test_a_seed_says_it_all_in_any_order() -> None:
    examples = [example(n % 10, negatives=((n + 1) % 10,)) for n in range(40)]

    def made(seed: int) -> Batches:
        return Batches(examples, passages=4, each=2, group=2, seed=seed)

    onward, backward, other = made(1), made(1), made(2)
    found = [onward[number] for number in range(8)]
    assert all(same(backward[number], found[number]) for number in reversed(range(8)))
    assert not all(same(other[number], found[number]) for number in range(8))
    assert not np.array_equal(found[0].passages, found[5].passages)  # another pass, another order


@pytest.mark.parametrize("examples", [[], [example(4)], [example(4), example(4)]])
def test_no_usable_pair(examples: list[Example]) -> None:
    with pytest.raises(InvalidInput, match="no usable pair"):
        Batches(examples, passages=4, each=2, group=2, seed=0)
