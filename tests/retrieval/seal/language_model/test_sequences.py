"""Scoring given sequences: token by token what the model says, however they share beginnings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from skerry.retrieval.seal.language_model import tree as tree_module

from . import tiny
from .conftest import Case

PROMPTS = [[40, 41, 42, 43, 44], [50], [60, 61, 62]]
TOKEN = st.integers(0, 3) | st.integers(0, tiny.VOCABULARY - 1)
"""Few enough that sequences begin alike."""


def check(case: Case, prompts, prompt_of, sequences, found) -> None:
    assert [part.shape for part in found] == [(len(sequence),) for sequence in sequences]
    for prompt, sequence, part in zip(prompt_of, sequences, found, strict=True):
        assert part.dtype == np.float32
        expected = [
            case.expected(prompts[prompt], sequence[:place])[token] for place, token in enumerate(sequence)
        ]
        np.testing.assert_allclose(part, expected, atol=1e-4, rtol=0)


@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    asked=st.lists(
        st.tuples(st.integers(0, len(PROMPTS) - 1), st.lists(TOKEN, max_size=8)), min_size=0, max_size=12
    )
)
def test_sequences(cases: dict[str, Case], asked: list[tuple[int, list[int]]]) -> None:
    prompt_of = np.array([prompt for prompt, _ in asked], np.int64)
    sequences = [sequence for _, sequence in asked]
    for case in cases.values():
        found = case.model.sequence_log_probs(PROMPTS, prompt_of, sequences)
        check(case, PROMPTS, prompt_of, sequences, found)


def test_a_state_takes_the_place_of_the_prompts(case: Case) -> None:
    """Its rows may be hypotheses; it can be used again, and continued, as if nothing had happened."""
    model = case.model
    state = model.next_log_probs(model.start(PROMPTS), np.array([2, 0]), np.array([9, 10]))
    length, log_probs = state.cache.length, state.log_probs.copy()
    rows, sequences = np.array([0, 1, 1, 0]), [[5, 6, 7], [5], [5, 6], [5, 6, 8, 9]]
    prompts = [[*PROMPTS[2]], [*PROMPTS[0]]]
    for _ in range(2):
        found = model.sequence_log_probs(state, rows, sequences)
        after = [[9], [10]]
        for row, sequence, part in zip(rows, sequences, found, strict=True):
            expected = [
                case.expected(prompts[row], [*after[row], *sequence[:place]])[token]
                for place, token in enumerate(sequence)
            ]
            np.testing.assert_allclose(part, expected, atol=1e-4, rtol=0)
    assert state.cache.length == length
    np.testing.assert_array_equal(state.log_probs, log_probs)
    later = model.next_log_probs(state, np.array([1]), np.array([11]))
    np.testing.assert_allclose(later.log_probs[0], case.expected(PROMPTS[0], [10, 11]), atol=1e-4, rtol=0)


def test_pieces(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """More nodes than one pass takes: parents and children may fall into different passes."""
    monkeypatch.setattr(tree_module, "_CELLS", 9)
    prompt_of = np.array([0, 1, 0, 2, 0, 1])
    sequences = [[1, 2, 3, 4, 5, 6, 7], [8, 9, 8, 9], [1, 2, 3, 9, 9], [7, 7], [5, 4, 3, 2, 1], [8, 9, 7]]
    found = case.model.sequence_log_probs(PROMPTS, prompt_of, sequences)
    check(case, PROMPTS, prompt_of, sequences, found)
