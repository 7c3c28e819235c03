"""Along any tree of hypotheses, every row is what the model says of the whole sequence, read at once."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from skerry.core.models.store import ModelStore
from skerry.retrieval.seal.language_model import load
from skerry.retrieval.seal.language_model import tree as tree_module
from skerry.retrieval.seal.prompts import body_prompt, title_prompt

from . import tiny
from .conftest import Case

TOLERANCE = 1e-4
PROMPTS = [[40, 41, 42, 43, 44], [50], [60, 61, 62], [40, 41, 42, 99, 98, 97, 96, 95]]


def check(case: Case, state, prompts, paths, tolerance: float = TOLERANCE) -> None:
    assert state.log_probs.shape == (len(paths), case.model.logits)
    assert state.log_probs.dtype == np.float32
    assert state.log_probs.flags.c_contiguous
    assert state.prompt_of.tolist() == [prompt for prompt, _ in paths]
    for row, (prompt, tokens) in enumerate(paths):
        expected = case.expected(prompts[prompt], tokens)
        np.testing.assert_allclose(state.log_probs[row], expected, atol=tolerance, rtol=0)


def test_prompts_of_different_lengths(case: Case) -> None:
    state = case.model.start(PROMPTS)
    check(case, state, PROMPTS, [(number, []) for number in range(len(PROMPTS))])


def test_hypotheses_differ(case: Case) -> None:
    """The tolerance means something: one other token moves log-probabilities a hundred times as far."""
    one, other = case.expected(PROMPTS[0], [9, 8]), case.expected(PROMPTS[0], [7, 8])
    assert np.abs(one - other).mean() > 100 * TOLERANCE


def grow(case: Case, data: st.DataObject, prompts: list[list[int]], steps: int) -> None:
    model = case.model
    state = model.start(prompts)
    paths: list[tuple[int, list[int]]] = [(number, []) for number in range(len(prompts))]
    for _ in range(steps):
        parents = data.draw(st.lists(st.integers(0, len(paths) - 1), min_size=1, max_size=9))
        tokens = [data.draw(st.integers(0, tiny.VOCABULARY - 1)) for _ in parents]
        state = model.next_log_probs(state, np.array(parents), np.array(tokens))
        paths = [
            (paths[parent][0], [*paths[parent][1], token])
            for parent, token in zip(parents, tokens, strict=True)
        ]
        check(case, state, prompts, paths)


@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(data=st.data())
def test_random_trees(cases: dict[str, Case], data: st.DataObject) -> None:
    """Rows grow, shrink, change order, and lose whole prompts; caches are compacted on the way."""
    prompts = data.draw(
        st.lists(
            st.lists(st.integers(0, tiny.VOCABULARY - 1), min_size=1, max_size=9), min_size=1, max_size=4
        )
    )
    for case in cases.values():
        grow(case, data, prompts, steps=6)


def test_long_trees_are_compacted(case: Case) -> None:
    """Twenty steps of rows that come and go, in a cache that holds eight."""
    rng = np.random.default_rng(0)
    state = case.model.start(PROMPTS)
    paths: list[tuple[int, list[int]]] = [(number, []) for number in range(len(PROMPTS))]
    capacities = set()
    for step in range(20):
        rows = 2 + step % 5
        parents = rng.integers(0, len(paths), rows)
        tokens = rng.integers(0, tiny.VOCABULARY, rows)
        state = case.model.next_log_probs(state, parents, tokens)
        paths = [
            (paths[parent][0], [*paths[parent][1], int(token)])
            for parent, token in zip(parents, tokens, strict=True)
        ]
        capacities.add(state.cache.capacity)
    check(case, state, PROMPTS, paths)
    assert len(capacities) > 2
    assert max(capacities) < 100


def test_a_state_can_be_continued_again(case: Case) -> None:
    """Two continuations of one state, and of the first of them after the second, disturb nothing."""
    model = case.model
    start = model.start(PROMPTS)
    before = start.log_probs.copy()
    left = model.next_log_probs(start, np.array([0, 1, 3]), np.array([5, 6, 7]))
    right = model.next_log_probs(start, np.array([3, 2, 0]), np.array([8, 9, 10]))
    deeper = model.next_log_probs(left, np.array([2, 0]), np.array([11, 12]))
    other = model.next_log_probs(right, np.array([0, 2]), np.array([13, 14]))
    check(case, deeper, PROMPTS, [(3, [7, 11]), (0, [5, 12])])
    check(case, other, PROMPTS, [(3, [8, 13]), (0, [10, 14])])
    np.testing.assert_array_equal(start.log_probs, before)


def test_no_rows(case: Case) -> None:
    none = np.empty(0, np.int64)
    state = case.model.next_log_probs(case.model.start(PROMPTS), none, none)
    assert state.log_probs.shape == (0, case.model.logits)


def test_pieces(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading in passes of a few cells gives what reading at once gives."""
    monkeypatch.setattr(tree_module, "_CELLS", 8)
    state = case.model.start(PROMPTS)
    check(case, state, PROMPTS, [(number, []) for number in range(len(PROMPTS))])
    parents = np.array([3, 0, 0, 0, 1, 0, 0, 3])
    tokens = np.arange(20, 28)
    state = case.model.next_log_probs(state, parents, tokens)
    check(case, state, PROMPTS, [(p, [t]) for p, t in zip(parents.tolist(), tokens.tolist(), strict=True)])


@pytest.mark.parametrize("kind", list(tiny.MODELS))
def test_bfloat16_is_close(cases: dict[str, Case], kind: str) -> None:
    """Rounding costs no more than it costs transformers in a plain forward."""
    case = cases[kind]
    theirs = replace(case, reference=tiny.weights(kind).to(torch.bfloat16))
    model = load(case.folder, dtype="bf16")
    parents, tokens = np.arange(40) % len(PROMPTS), np.arange(40)
    state = model.next_log_probs(model.start(PROMPTS), parents, tokens)
    ours_off, theirs_off = [], []
    for row, (prompt, token) in enumerate(zip(parents.tolist(), tokens.tolist(), strict=True)):
        exact = case.expected(PROMPTS[prompt], [token])
        ours_off.append(np.abs(state.log_probs[row] - exact).mean())
        theirs_off.append(np.abs(theirs.expected(PROMPTS[prompt], [token]) - exact).mean())
    assert np.mean(ours_off) < 1.5 * np.mean(theirs_off)


def test_dropped_states_are_freed(cases: dict[str, Case]) -> None:
    model = cases["llama"].model
    state = model.start(PROMPTS)
    caches = []
    for _ in range(12):
        state = model.next_log_probs(state, np.array([0, 0, 0, 0]), np.array([5, 6, 7, 8]))
        caches.append(weakref.ref(state.cache))
    del state
    gc.collect()
    assert not any(cache() for cache in caches)


@pytest.mark.models
def test_smollm2_against_transformers(models: ModelStore) -> None:
    from transformers import AutoModelForCausalLM

    folder = models.resolve("SmolLM2-135M-Instruct")
    model = load(folder, dtype="fp32")
    reference = AutoModelForCausalLM.from_pretrained(folder.folder, dtype=torch.float32).eval()
    question = "When was the lighthouse of Skerryvore first lit?"
    prompts = [model.vocabulary.encode(make(question)) for make in (body_prompt, title_prompt)]
    state = model.start(prompts)
    parents = [np.array([0, 1, 0, 1, 0]), np.array([4, 4, 1]), np.array([2, 0])]
    paths = [(0, []), (1, [])]
    for rows in parents:
        tokens = state.log_probs[rows].argsort(1)[np.arange(len(rows)), -1 - np.arange(len(rows))]
        state = model.next_log_probs(state, rows, tokens)
        paths = [(paths[row][0], [*paths[row][1], int(t)]) for row, t in zip(rows, tokens, strict=True)]
    for row, (prompt, path) in enumerate(paths):
        with torch.inference_mode():
            logits = reference(torch.tensor([[*prompts[prompt], *path]])).logits[0, -1]
        expected = torch.log_softmax(logits, -1).numpy()
        np.testing.assert_allclose(state.log_probs[row], expected, atol=5e-4, rtol=0)
