"""Prompts made to fit: what goes first, and what never goes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from skerry.benchmarks.decode.fitting import fitted


def fits(most: int):  # type: ignore[no-untyped-def]
    return lambda text: len(text) <= most


def test_what_fits_is_left() -> None:
    assert fitted("a\nb\nc", ["b"], fits(5)) == "a\nb\nc"


def test_noise_goes_first_and_evenly() -> None:
    text = "\n".join(["instruction", "noise", "VAR X = 1", "noise", "other", "noise", "noise", "question"])
    found = fitted(text, ["X"], fits(len(text) - 7))
    assert found == "\n".join(["instruction", "VAR X = 1", "noise", "other", "noise", "question"])


def test_lines_without_what_is_to_be_found() -> None:
    text = "\n".join(["instruction", *(f"number {n} is {n * 7}" for n in range(50)), "question 21?"])
    found = fitted(text, ["number 3 is 21"], fits(200))
    assert found is not None and len(found) <= 200
    assert "number 3 is 21" in found and found.startswith("instruction\n") and found.endswith("question 21?")
    # One line less would not have fitted less well: as few go as must.
    assert len(found) > 170


def test_too_little_is_left() -> None:
    assert fitted("instruction\nneeded\nquestion", ["needed"], fits(10)) is None
    assert fitted("one line only", [], fits(5)) is None


@given(st.lists(st.sampled_from(["noise", "needed", "a", "bb", ""]), max_size=30), st.integers(0, 120))
def test_any_text(lines: list[str], most: int) -> None:
    text = "\n".join(lines)
    found = fitted(text, ["needed"], fits(most))
    if found is None:
        return
    assert len(found) <= most
    kept = found.split("\n")
    assert kept.count("needed") == lines.count("needed")
    rest = iter(lines)
    assert all(line in rest for line in kept if lines)  # what is left stands in the same order
