"""Hits: what goes out comes back the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from skerry.retrieval.base import Evidence, Hit, LegScore
from skerry.retrieval.corpus.records import Passage, Span
from skerry.services.convert.passages import hit, hit_of

from .strategies import number, small, text

spans = st.builds(Span, small, small, small, small)
passages = st.builds(Passage, small, text, text, text, text, text, spans)


@st.composite
def hits(draw: st.DrawFn) -> Hit:
    passage = draw(passages)
    length = len(passage.text)
    pairs = st.tuples(st.integers(0, length), st.integers(0, length)).map(lambda p: (min(p), max(p)))
    evidence = st.builds(
        Evidence, text, small, number, st.lists(pairs, max_size=3).map(tuple), text, st.booleans()
    )
    return Hit(
        passage,
        draw(number),
        tuple(draw(st.lists(st.builds(LegScore, text, small, number), max_size=3))),
        tuple(draw(st.lists(evidence, max_size=3))),
    )


@given(hits())
def test_hits(value: Hit) -> None:
    assert hit_of(hit(value)) == value
