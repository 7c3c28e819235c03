"""What matched, in a text on a terminal."""

from __future__ import annotations

import click
from hypothesis import given
from hypothesis import strategies as st

from skerry.services.cli.highlight import highlighter


def test_words_are_bold_and_runs_are_underlined_word_by_word() -> None:
    mark = highlighter("who kept the lighthouses?", True)
    shown = mark("The lighthouse keeper Maren Holt", [(15, 27)])
    bold, line = "\x1b[1m", "\x1b[4m"
    end = "\x1b[0m"
    assert shown == (f"{bold}The{end} {bold}lighthouse{end} {line}keeper{end} {line}Maren{end} Holt")


def test_both_at_once() -> None:
    assert highlighter("lamp", True)("lamps", [(0, 5)]) == "\x1b[1m\x1b[4mlamps\x1b[0m"


def test_a_pipe_gets_plain_text() -> None:
    assert highlighter("lamp", False)("a lamp", [(0, 6)]) == "a lamp"


@given(
    st.text(max_size=40), st.lists(st.tuples(st.integers(-5, 50), st.integers(-5, 50)), max_size=4), st.text()
)
def test_the_text_stays_the_same(text: str, spans: list[tuple[int, int]], query: str) -> None:
    if "\x1b" not in text:
        assert click.unstyle(highlighter(query, True)(text, spans)) == text
