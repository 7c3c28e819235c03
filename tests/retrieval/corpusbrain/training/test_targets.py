"""Targets beside a walk by hand through all names written out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skerry.retrieval.corpusbrain.naming import Names
from skerry.retrieval.corpusbrain.title_tree import TitleTree, build_tree
from skerry.retrieval.corpusbrain.training.targets import TargetMaker, Targets

START, END, STOP = 2, 3, 4
Title = tuple[int, ...]
Fork = tuple[Title, Title, int]
"""What the decoder has read, what may follow, and which of it is right."""

TITLES = st.lists(st.lists(st.integers(5, 8), max_size=4).map(tuple), min_size=1, max_size=12, unique=True)


def maker(titles: Sequence[Title], stop: bool) -> TargetMaker:
    names = Names(
        np.array([token for title in titles for token in title], np.uint32),
        np.cumsum([0, *map(len, titles)], dtype=np.int64),
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "titles.tree"
        build_tree(names, END, path)
        return TargetMaker(names, TitleTree.open(path), START, stop)


def by_hand(titles: Sequence[Title], pages: Sequence[int], stop: bool) -> list[Fork]:
    """The forks of one sequence, in its order."""
    ended = [(*title, END) for title in titles]
    said: list[int] = [START]
    forks: list[Fork] = []
    for page in pages if stop else pages[:1]:
        title = ended[page]
        for place, token in enumerate(title):
            coming = {other[place] for other in ended if other[:place] == title[:place]}
            candidates = tuple(sorted(coming)) + ((STOP,) if stop and not place else ())
            if len(candidates) > 1:
                forks.append((tuple(said), candidates, candidates.index(token)))
            said.append(token)
    if stop:
        first = sorted({title[0] for title in ended})
        forks.append((tuple(said), (*first, STOP), len(first)))
    return forks


def of_targets(targets: Targets, titles: Sequence[Title], stop: bool) -> list[list[Fork]]:
    """The forks of every sequence, each in its order."""
    first = tuple(sorted({(*title, END)[0] for title in titles})) + ((STOP,) if stop else ())
    found: list[list[Fork]] = [[] for _ in targets.tokens]
    for row, place, choice in zip(
        targets.first_rows.tolist(),
        targets.first_places.tolist(),
        targets.first_choices.tolist(),
        strict=True,
    ):
        found[row].append((tuple(targets.tokens[row, : place + 1].tolist()), first, choice))
    for row, place, candidates, choice in zip(
        targets.rows.tolist(),
        targets.places.tolist(),
        targets.candidates.tolist(),
        targets.choices.tolist(),
        strict=True,
    ):
        real = tuple(token for token in candidates if token >= 0)
        assert candidates == [*real, *[-1] * (len(candidates) - len(real))]
        found[row].append((tuple(targets.tokens[row, : place + 1].tolist()), real, choice))
    return [sorted(forks, key=lambda fork: len(fork[0])) for forks in found]


@settings(deadline=None, max_examples=60)
@given(TITLES, st.booleans(), st.data())
@example([(5,), (5, 6), (5, 6, 7), ()], True, None)
@example([(5, 6)], False, None)
@example([(5, 6)], True, None)
def test_every_fork_and_nothing_else(titles: list[Title], stop: bool, data: st.DataObject | None) -> None:
    numbers = st.integers(0, len(titles) - 1)
    pages = (
        data.draw(st.lists(st.lists(numbers, min_size=1, max_size=4), min_size=1, max_size=4))
        if data is not None
        else [list(range(len(titles))), [0]]
    )
    targets = maker(titles, stop).make(pages)
    expected = [by_hand(titles, sequence, stop) for sequence in pages]
    assert of_targets(targets, titles, stop) == expected
    read = max((len(said) for forks in expected for said, _, _ in forks), default=1)
    assert targets.tokens.shape == (len(pages), read)
    assert {getattr(targets, field.name).dtype for field in fields(targets)} == {np.dtype(np.int64)}


def test_an_only_page_has_no_fork() -> None:
    targets = maker([(5, 6, 7)], stop=False).make([[0], [0]])
    assert targets.tokens.tolist() == [[START], [START]]
    assert not len(targets.first_rows)
    assert targets.candidates.shape == (0, 0)


@pytest.mark.parametrize("stop", [False, True])
def test_further_pages_count_where_sequences_have_several(stop: bool) -> None:
    made = maker([(5,), (6,)], stop)
    assert (len(made.make([[0, 1]]).first_rows) == len(made.make([[0]]).first_rows)) is not stop
