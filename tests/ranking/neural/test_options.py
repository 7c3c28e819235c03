"""A model's own sizes, from words to values."""

from __future__ import annotations

import json

import pytest

from skerry.core.errors import InvalidInput, NotFound
from skerry.ranking.neural.options import model_options
from skerry.ranking.neural.registry import MODELS


@pytest.mark.parametrize(
    ("name", "given", "options"),
    [
        ("knrm", {}, {}),
        ("knrm", {"kernels": "21"}, {"kernels": 21}),
        (
            "pacrr",
            {"cascade": "0.5, 1", "shuffle": "true", "context": "0", "filters": "4"},
            {"cascade": [0.5, 1.0], "shuffle": True, "context": 0, "filters": 4},
        ),
        ("match-pyramid", {"filters": "4,8,8"}, {"filters": [4, 8, 8]}),
    ],
)
def test_values(name: str, given: dict[str, str], options: dict[str, object]) -> None:
    found = model_options(name, given)
    assert found == options == json.loads(json.dumps(found))
    MODELS.load(name)(12, 8, 40, **found)


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("knrm", {"kernel": "3"}, "it has kernels"),
        ("knrm", {"width": "3"}, "no option 'width'"),
        ("knrm", {"kernels": "0"}, "at least 1"),
        ("knrm", {"kernels": "-3"}, "whole number"),
        ("knrm", {"kernels": "100000"}, "up to 4096"),
        ("pacrr", {"shuffle": "yes"}, "true or false"),
        ("pacrr", {"cascade": "0.5,,1"}, "could not convert"),
        ("pacrr", {"cascade": "2"}, "at most 1"),
        ("pacrr", {"cascade": "nan"}, "at most 1"),
        ("match-pyramid", {"filters": "4;8"}, "whole number"),
    ],
)
def test_what_cannot_be(name: str, given: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        model_options(name, given)


def test_no_such_model() -> None:
    with pytest.raises(NotFound, match="knrm"):
        model_options("knmr", {})
