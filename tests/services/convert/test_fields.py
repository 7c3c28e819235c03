"""Durations and ranges of text on the wire."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.services.convert.fields import duration, seconds_of, text_range

from .strategies import text


@given(text, st.data())
def test_byte_ranges(whole: str, data: st.DataObject) -> None:
    start, end = sorted((data.draw(st.integers(0, len(whole))), data.draw(st.integers(0, len(whole)))))
    run = text_range(whole, start, end)
    assert whole.encode()[run.start_byte : run.end_byte].decode() == whole[start:end]


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 0.1, 59.999999999, 3600.0])
def test_durations(seconds: float) -> None:
    assert seconds_of(duration(seconds)) == pytest.approx(seconds, abs=1e-9)
    assert seconds_of(duration(math.nan)) == 0
    assert seconds_of(duration(-1)) == 0
