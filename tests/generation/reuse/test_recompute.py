"""The modes: what they take, which rows they choose."""

from __future__ import annotations

import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.core.timing import Timings
from skerry.generation.model import LoadedModel, Run
from skerry.generation.reuse.recompute.base import Spliced, make_recompute
from skerry.generation.reuse.splice import PassageReuse

from .conftest import Shelf
from .test_splice import SOURCES


@pytest.fixture
def spliced(loaded: LoadedModel) -> Spliced:
    prompt = loaded.prompting.fit("Who?", SOURCES, 1000)
    run = Run(loaded, len(prompt.tokens))
    reuse = PassageReuse(loaded, Shelf())
    return reuse.read(prompt, run, make_recompute("none"), Deadline(None), Timings()).spliced


@pytest.mark.parametrize(
    "spec",
    ["", "nothing", "first", "first:",
     "first:0", "first:-1", "first:4097", "first:1.5", "first:\u0661", "blend",
     "blend:0", "blend:1.01", "blend:nan", "blend:x", "none:1", "last", "last:0",
     "full:1", "FULL", "first:1:2"],
)  # fmt: skip
def test_a_mode_that_is_none_is_refused(spec: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_recompute(spec)
    assert caught.value.details["field"] == "recompute"


def test_rows_are_of_passages_that_are_not_exact(spliced: Spliced) -> None:
    first, *others = spliced.starts
    assert spliced.exact == others[0] > first
    assert make_recompute("none").rows(spliced) == ()
    assert list(make_recompute("first:2").rows(spliced)) == [row + i for row in others for i in (0, 1)]
    best = list(range(others[-1], len(spliced.tokens)))
    assert list(make_recompute("last:2").rows(spliced)) == [
        *(r + i for r in others[:-1] for i in (0, 1)),
        *best,
    ]
    everything = list(range(spliced.exact, len(spliced.tokens)))
    assert list(make_recompute("full").rows(spliced)) == everything
    assert list(make_recompute("first:4096").rows(spliced)) == everything
    assert list(make_recompute("blend:1").rows(spliced)) == everything


@pytest.mark.parametrize("share", [0.01, 0.15, 0.5])
def test_blend_takes_its_share_of_what_deviates_most(spliced: Spliced, share: float) -> None:
    before = [layer.keys.clone() for layer in spliced.run.cache.layers]
    rows = list(make_recompute(f"blend:{share}").rows(spliced))
    everything = len(spliced.tokens) - spliced.exact
    assert rows == sorted(set(rows))
    assert share * everything <= len(rows) < share * everything + 1
    more = set(make_recompute(f"blend:{share * 1.5}").rows(spliced))
    assert set(rows) <= more
    for layer, keys in zip(spliced.run.cache.layers, before, strict=True):
        assert bool((layer.keys == keys).all())
