"""Diverse beam search beside slower ones; the tree of rows beside whole sequences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, InvalidInput
from skerry.core.models.store import Model
from skerry.generation.attention.state import AttentionState
from skerry.generation.beams import BeamPlan
from skerry.generation.branching import Branches, check_can_branch
from skerry.generation.decoding.diverse_beams import Hypothesis, search
from skerry.generation.decoding.text import AnswerText
from skerry.generation.model import LoadedModel, Run
from skerry.generation.selection.full import Full

from ..reuse.conftest import make_model  # noqa: TID252 -- small models of several families
from .slow_beams import slow_search

ENDS = frozenset({1, 5})


class Tables:
    """A "model" whose logits are a hash of the last three tokens: a tree without a model."""

    def __init__(self, seed: int, vocabulary: int, end_bias: float) -> None:
        self._seed, self._vocabulary, self._bias = seed, vocabulary, end_bias
        self._texts: list[tuple[int, ...]] = [()]

    def logits(self, tokens: tuple[int, ...]) -> torch.Tensor:
        rng = torch.Generator().manual_seed(hash((self._seed, tokens[-3:])) & 0xFFFFFFFF)
        row = torch.randn(self._vocabulary, generator=rng) * 2
        row[sorted(ENDS)] += self._bias
        return row

    def step(self, parents: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        self._texts = [(*self._texts[parent], token) for parent, token in zip(parents, tokens, strict=True)]
        return torch.stack([self.logits(text) for text in self._texts])


def spelt(tokens: Sequence[int]) -> str:
    return "".join(chr(97 + token) for token in tokens)


def no_text(stops: Sequence[str] = ()) -> AnswerText:
    return AnswerText(spelt, stops)


def same(found: list[Hypothesis], wanted: list[tuple[tuple[int, ...], float]], power: float) -> None:
    """The same answers, in an order that scores apart by less than a rounding may change."""
    ours = sorted((one.tokens, one.score(power)) for one in found)
    assert [tokens for tokens, _ in ours] == sorted(tokens for tokens, _ in wanted)
    assert [score for _, score in ours] == pytest.approx([score for _, score in sorted(wanted)], abs=1e-4)
    scores = [one.score(power) for one in found]
    assert scores == sorted(scores, reverse=True)


SHAPES = st.sampled_from([(1, 1), (2, 1), (4, 1), (2, 2), (4, 2), (6, 3), (4, 4), (5, 5)])


@given(
    seed=st.integers(0, 10**6),
    shape=SHAPES,
    penalty=st.sampled_from([0.0, 0.3, 1.0, 20.0]),
    max_tokens=st.integers(1, 7),
    end_bias=st.sampled_from([-2.0, 1.0, 4.0]),
    vocabulary=st.sampled_from([9, 40]),
    power=st.sampled_from([0.0, 1.0, 0.6]),
    stops=st.lists(st.text("abcdghi", min_size=1, max_size=2), max_size=3),
)
@settings(max_examples=50, deadline=None)
def test_it_finds_what_the_slow_one_finds(
    seed: int,
    shape: tuple[int, int],
    penalty: float,
    max_tokens: int,
    end_bias: float,
    vocabulary: int,
    power: float,
    stops: list[str],
) -> None:
    def ends(tokens: tuple[int, ...]) -> bool:
        return tokens[-1] in ENDS or any(stop in spelt(tokens) for stop in stops)

    model = Tables(seed, vocabulary, end_bias)
    plan = BeamPlan(*shape, penalty, length_penalty=power)
    found = search(model.logits(()), model, plan, max_tokens, ENDS, no_text(stops), Deadline(60))
    slow = slow_search(model.logits, *shape, penalty, power, max_tokens, ends)

    def without_end(tokens: tuple[int, ...]) -> tuple[int, ...]:
        return tokens[:-1] if tokens[-1] in ENDS else tokens

    # Two groups may find the same answer, and an answer may end in two ways.
    assert sorted((one.tokens, round(one.score(power), 2)) for one in found) == sorted(
        (without_end(one.tokens), round(one.score(power), 2)) for one in slow
    )
    scores = [one.score(power) for one in slow]
    assert [one.score(power) for one in found] == pytest.approx(scores, abs=1e-4)


@given(seed=st.integers(0, 10**6), end_bias=st.sampled_from([-2.0, 2.0]))
@settings(max_examples=30, deadline=None)
def test_one_beam_is_greedy(seed: int, end_bias: float) -> None:
    model = Tables(seed, 40, end_bias)
    [found] = search(model.logits(()), model, BeamPlan(), 9, ENDS, no_text(), Deadline(60))
    tokens: tuple[int, ...] = ()
    while len(tokens) < 9 and (token := int(model.logits(tokens).argmax())) not in ENDS:
        tokens = (*tokens, token)
    assert found.tokens == tokens
    assert found.ended == (len(tokens) < 9)


def test_groups_take_other_tokens_where_that_costs_enough() -> None:
    for seed in range(20):
        model = Tables(seed, 40, -9.0)
        plan = BeamPlan(4, 4, 50.0)
        found = search(model.logits(()), model, plan, 3, ENDS, no_text(), Deadline(60))
        for at in range(2):  # the last token ends everything, and so costs nothing
            assert len({one.tokens[at] for one in found}) == 4


def test_equal_numbers_are_taken_in_their_order() -> None:
    logits = torch.zeros(6)
    logits[[2, 4, 5]] = 1.0
    found = search(logits, Tables(0, 6, 0.0), BeamPlan(2), 1, frozenset(), no_text(), Deadline(60))
    assert [one.tokens for one in found] == [(2,), (4,)]


def test_cancelling_stops_before_the_next_token() -> None:
    model, deadline = Tables(3, 40, -9.0), Deadline(60)
    steps = 0
    step = model.step

    def cancelling(parents: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if steps == 2:
            deadline.cancel()
        return step(parents, tokens)

    model.step = cancelling  # type: ignore[method-assign]
    with pytest.raises(Cancelled):
        search(model.logits(()), model, BeamPlan(4), 30, ENDS, no_text(), deadline)
    assert steps == 2


def _run(loaded: LoadedModel, prompt: list[int], room: int) -> tuple[Run, torch.Tensor]:
    run = Run(loaded, len(prompt) + room)
    return run, run.prefill(prompt, Deadline(60))


@pytest.fixture(scope="module")
def tiny(tiny_model: Model) -> LoadedModel:
    return LoadedModel(tiny_model, "fp32")


def _whole(loaded: LoadedModel, tokens: Sequence[int]) -> torch.Tensor:
    """Logits after the last token, the whole sequence read at once by plain transformers."""
    with torch.inference_mode():
        out = loaded.weights(torch.tensor([list(tokens)], device=loaded.device), use_cache=False)
    logits: torch.Tensor = out.logits[0, -1]
    return logits


@pytest.mark.parametrize(
    "plan", [BeamPlan(), BeamPlan(4), BeamPlan(4, 2, 0.8, length_penalty=1.0), BeamPlan(4, 4, 3.0)]
)
def test_with_a_model_it_finds_what_whole_sequences_give(tiny: LoadedModel, plan: BeamPlan) -> None:
    prompt, power = list(range(40, 100)), plan.length_penalty
    ends = frozenset(range(3, 40))  # many, so that a random model ends early now and then
    run, logits = _run(tiny, prompt, 8 * plan.beams)
    found = search(logits, Branches(run), plan, 8, ends, AnswerText(tiny.decode, ()), Deadline(60))
    slow = slow_search(
        lambda tokens: _whole(tiny, [*prompt, *tokens]),
        plan.beams,
        plan.groups,
        plan.penalty,
        power,
        8,
        lambda tokens: tokens[-1] in ends,
    )
    wanted = [(one.tokens[:-1] if one.tokens[-1] in ends else one.tokens, one.score(power)) for one in slow]
    same(found, wanted, power)


@pytest.mark.parametrize("power", [0.0, 1.0])
@pytest.mark.parametrize("ends", [[2], list(range(3, 60))])
def test_one_group_is_the_librarys_beam_search(tiny: LoadedModel, ends: list[int], power: float) -> None:
    prompt = list(range(50, 90))
    for beams in (2, 3, 5):
        run, logits = _run(tiny, prompt, 10 * beams)
        found = search(
            logits,
            Branches(run),
            BeamPlan(beams, length_penalty=power),
            10,
            ends,
            AnswerText(tiny.decode, ()),
            Deadline(60),
        )
        out = tiny.weights.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones((1, len(prompt)), dtype=torch.long),
            max_new_tokens=10,
            num_beams=beams,
            num_return_sequences=beams,
            length_penalty=power,
            do_sample=False,
            eos_token_id=ends,
            pad_token_id=0,
            return_dict_in_generate=True,
            output_scores=True,
        )
        wanted = []
        for row, score in zip(out.sequences[:, len(prompt) :].tolist(), out.sequences_scores, strict=True):
            cut = next((at for at, token in enumerate(row) if token in ends), len(row))
            wanted.append((tuple(row[:cut]), float(score)))
        same(found, wanted, power)


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", ["llama", "llama3-rope", "yarn", "dynamic", "qwen3", "phi", "gpt2"])
def test_a_branch_is_read_as_if_it_were_alone(tmp_path: Path, kind: str, dtype: str) -> None:
    """Three branches, one of which is left behind and one of which forks, beside runs of their own."""
    loaded = LoadedModel(make_model(tmp_path, kind), dtype)
    check_can_branch(loaded)
    prompt = list(range(60, 140))
    run, _ = _run(loaded, prompt, 16)
    branches = Branches(run)
    branches.step([0, 0, 0], [11, 12, 13])
    branches.step([2, 0, 2], [21, 22, 23])
    logits = branches.step([1, 0, 1, 2], [31, 32, 33, 34])
    for row, tail in zip(logits, ([11, 22, 31], [13, 21, 32], [11, 22, 33], [13, 23, 34]), strict=True):
        alone = Run(loaded, 83, AttentionState(selector=Full(1)))
        last = alone.prefill(prompt, Deadline(60))
        for token in tail:
            last = alone.step([token])
        apart = (row.float() - last.float()).norm() / last.float().norm()
        assert apart < (1e-5 if dtype == "fp32" else 0.06)


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_a_single_branch_has_the_bits_of_a_run_that_reads_everything(tiny_model: Model, dtype: str) -> None:
    loaded = LoadedModel(tiny_model, dtype)
    prompt = list(range(60, 140))
    run, _ = _run(loaded, prompt, 4)
    plain = Run(loaded, 84, AttentionState(selector=Full(1)))
    plain.prefill(prompt, Deadline(60))
    branches = Branches(run)
    for token in (11, 12, 13, 14):
        assert torch.equal(branches.step([0], [token])[0], plain.step([token]))


def test_the_librarys_pass_gives_what_the_fused_step_gives(tiny_model: Model) -> None:
    logits = []
    for fused in (True, False):
        loaded = LoadedModel(tiny_model, "fp32")
        if not fused:
            loaded.fused_step = None
        run, _ = _run(loaded, list(range(60, 140)), 16)
        branches = Branches(run)
        branches.step([0, 0], [11, 12])
        logits.append(branches.step([1, 1, 0], [21, 22, 23]))
    torch.testing.assert_close(*logits, atol=1e-5, rtol=1e-5)


def test_nothing_of_the_prompt_is_copied(tiny: LoadedModel) -> None:
    run, _ = _run(tiny, list(range(60, 140)), 16)
    places = [(layer.keys.data_ptr(), layer.values.data_ptr()) for layer in run.cache.layers]
    before = [layer.keys[:, :, :80].clone() for layer in run.cache.layers]
    branches = Branches(run)
    branches.step([0, 0, 0, 0], [11, 12, 13, 14])
    branches.step([3, 1, 1, 0], [11, 12, 13, 14])
    assert run.cache.get_seq_length() == 88
    assert places == [(layer.keys.data_ptr(), layer.values.data_ptr()) for layer in run.cache.layers]
    assert all(
        torch.equal(layer.keys[:, :, :80], rows) for layer, rows in zip(run.cache.layers, before, strict=True)
    )


@pytest.mark.parametrize("kind", ["mistral", "gemma3"])
def test_layers_with_a_window_are_refused(tmp_path: Path, kind: str) -> None:
    loaded = LoadedModel(make_model(tmp_path, kind), "fp32")
    with pytest.raises(InvalidInput, match="window") as caught:
        check_can_branch(loaded)
    assert caught.value.details["field"] == "beams"
    run, _ = _run(loaded, list(range(60, 140)), 4)
    with pytest.raises(ValueError, match="all earlier keys"):  # and are not read wrongly either
        Branches(run).step([0, 0], [11, 12])


def test_scores_that_are_capped_are_refused(tiny: LoadedModel) -> None:
    config = tiny.weights.config
    config.attn_logit_softcapping = 30.0
    try:
        with pytest.raises(InvalidInput, match="cap"):
            check_can_branch(tiny)
    finally:
        del config.attn_logit_softcapping
