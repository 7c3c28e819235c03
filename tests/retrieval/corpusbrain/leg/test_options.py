"""What can be asked of the leg, and what cannot."""

from __future__ import annotations

from typing import Any

import pytest

from skerry.core.errors import InvalidInput
from skerry.retrieval.corpusbrain.options import CorpusBrainOptions


def test_defaults() -> None:
    assert CorpusBrainOptions.of({}) == CorpusBrainOptions(
        beams=10, length_normalised=False, titles=1, pages=10, passage_weight=1.0, memory_share=0.7
    )
    chosen = CorpusBrainOptions.of({"beams": 3, "scoring": "length_normalised"})
    assert (chosen.pages, chosen.length_normalised) == (3, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beams": 0}, "corpusbrain.beams must be a whole number from 1 to 100; got 0"),
        ({"beams": 101}, "got 101"),
        ({"beams": "ten"}, "got 'ten'"),
        ({"beams": True}, "got True"),
        ({"titles": 6}, "corpusbrain.titles must be a whole number from 1 to 5"),
        ({"pages": 0}, "corpusbrain.pages"),
        ({"passage_weight": -1}, "corpusbrain.passage_weight must be a number from 0 to 100"),
        ({"passage_weight": float("nan")}, "corpusbrain.passage_weight"),
        ({"memory_share": 1.5}, "corpusbrain.memory_share must be a number from 0 to 1"),
        ({"memory_share": True}, "corpusbrain.memory_share"),
        ({"scoring": "best"}, "one of log_probability, length_normalised; got 'best'"),
        ({"ef_search": 3}, "The corpusbrain leg has no option 'ef_search'.*beams"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        CorpusBrainOptions.of(options)
