"""Values of messages' fields."""

from __future__ import annotations

from hypothesis import strategies as st

from skerry.generation.beams import BeamPlan
from skerry.generation.plan import ContextPlan

text = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
small = st.integers(0, 2**31 - 1)
number = st.floats(allow_nan=False, allow_infinity=False)

contexts = st.builds(
    ContextPlan,
    reuse=st.none() | st.booleans(),
    recompute=st.none() | text,
    margin=st.none() | number,
    selector=st.none() | text,
    budget=st.none() | small,
    prefill=st.none() | text,
)
beam_plans = st.builds(BeamPlan, small, small, number, small, number)
