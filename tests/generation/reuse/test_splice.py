"""Spliced prompts against plain ones; moved keys against a forward that hides the neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import pytest
import torch
from transformers import DynamicCache

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, DeadlineExceeded
from skerry.core.timing import Timings
from skerry.generation.base import Source
from skerry.generation.model import LoadedModel, Run
from skerry.generation.prompting import Prompt
from skerry.generation.reuse.recompute.base import make_recompute
from skerry.generation.reuse.splice import PassageReuse, SplicedPrompt

from .conftest import Shelf

_TEXTS = (
    "Skerryvore is a lighthouse. It was built by Alan Stevenson, and lit in 1844.",
    "The Bell Rock lighthouse was built by Robert Stevenson between 1807 and 1810.",
    "Heather is a low shrub of moors.",
    "The harbour seal hauls out on skerries and sandbanks; it eats fish and squid.",
)
SOURCES = tuple(Source(f"p#{n}", f"Page {n}", text) for n, text in enumerate(_TEXTS))
CLOSE = 5e-4
"""Largest difference of a logit, in float32: sums are taken in another order."""


def _prompt(loaded: LoadedModel, sources: tuple[Source, ...] = SOURCES) -> Prompt:
    return loaded.prompting.fit("Who built Skerryvore?", sources, 1000)


def _read(
    loaded: LoadedModel, reuse: PassageReuse, prompt: Prompt, mode: str, deadline: Deadline | None = None
) -> tuple[SplicedPrompt, Run]:
    run = Run(loaded, len(prompt.tokens) + 8)
    return reuse.read(prompt, run, make_recompute(mode), deadline or Deadline(None), Timings()), run


def _plain(loaded: LoadedModel, prompt: Prompt) -> tuple[torch.Tensor, Run]:
    run = Run(loaded, len(prompt.tokens) + 8)
    return run.prefill(prompt.tokens, Deadline(None)), run


def _hidden_neighbours(loaded: LoadedModel, prompt: Prompt) -> tuple[DynamicCache, torch.Tensor]:
    """One forward in which each passage begins where the prefix ends and sees the prefix and itself; then
    its keys moved to where it stands, as complex numbers, and one forward of the question over all.
    """
    starts = [0, *accumulate(map(len, (prompt.prefix, *prompt.passages)))]
    tokens, total = prompt.tokens, starts[-1]
    seen = torch.ones(total, total, dtype=torch.bool).tril()
    positions, moves = torch.arange(total), torch.zeros(total, dtype=torch.long)
    for start, end in pairwise(starts[1:]):
        seen[start:end, starts[1] : start] = False
        moves[start:end] = start - starts[1]
    cache = DynamicCache()
    _forward(loaded, tokens[:total], positions - moves, cache, seen[None, None])
    frequencies = loaded.weights.base_model.rotary_emb.inv_freq.double()
    turns = torch.exp(1j * moves[:, None].double() * frequencies)
    half = len(frequencies)
    for layer in cache.layers:
        first, second = layer.keys[..., :half].double(), layer.keys[..., half : 2 * half].double()
        turned = torch.complex(first, second) * turns
        rest = layer.keys[..., 2 * half :]
        layer.keys = torch.cat([turned.real.float(), turned.imag.float(), rest], -1)
    return cache, _forward(loaded, prompt.tail, torch.arange(total, len(tokens)), cache)


def _forward(
    loaded: LoadedModel,
    tokens: Sequence[int],
    positions: torch.Tensor,
    cache: DynamicCache,
    mask: torch.Tensor | None = None,
) -> torch.Tensor:
    with torch.inference_mode():
        out = loaded.weights(
            input_ids=torch.tensor([tokens]),
            position_ids=positions[None],
            attention_mask=mask,
            use_cache=True,
            **{loaded.cache_argument: cache},
        )
    last: torch.Tensor = out.logits[0, -1]
    return last


def test_moved_keys_are_those_of_a_forward_that_hides_the_neighbours(loaded: LoadedModel) -> None:
    prompt = _prompt(loaded)
    expected, logits = _hidden_neighbours(loaded, prompt)
    read, run = _read(loaded, PassageReuse(loaded, Shelf()), prompt, "none")
    rows = len(prompt.tokens)
    for ours, theirs in zip(run.cache.layers, expected.layers, strict=True):
        assert (ours.keys[:, :, :rows] - theirs.keys).abs().max() < 5e-5
        assert (ours.values[:, :, :rows] - theirs.values).abs().max() < 5e-5
    assert (read.logits - logits).abs().max() < CLOSE


@pytest.mark.parametrize("mode", ["full", "first:4096", "blend:1"])
def test_with_all_computed_again_it_is_a_plain_prefill(loaded: LoadedModel, mode: str) -> None:
    prompt = _prompt(loaded)
    logits, plain = _plain(loaded, prompt)
    read, run = _read(loaded, PassageReuse(loaded, Shelf()), prompt, mode)
    assert read.exact
    assert (read.logits - logits).abs().max() < CLOSE
    for ours, theirs in zip(run.cache.layers, plain.cache.layers, strict=True):
        assert (
            ours.keys[:, :, : run.cache.get_seq_length()] - theirs.keys[:, :, : ours.length]
        ).abs().max() < 5e-5
    assert (run.step([9]) - plain.step([9])).abs().max() < CLOSE


def test_scattered_rows_are_those_of_a_plain_prefill_where_all_before_them_is(loaded: LoadedModel) -> None:
    prompt = _prompt(loaded)
    logits, plain = _plain(loaded, prompt)
    run = Run(loaded, len(prompt.tokens) + 8)
    run.prefill(prompt.tokens, Deadline(None))
    rows = list(range(3, len(prompt.tokens), 3))
    rows = [*rows, len(prompt.tokens) - 1] if rows[-1] != len(prompt.tokens) - 1 else rows
    with torch.inference_mode():
        for layer in run.cache.layers:
            layer.keys[:, :, rows] = 0
            layer.values[:, :, rows] = 0
    again = run.rewrite([prompt.tokens[row] for row in rows], rows, Deadline(None))
    assert (again - logits).abs().max() < CLOSE
    assert (run.cache.layers[-1].keys - plain.cache.layers[-1].keys)[
        :, :, : len(prompt.tokens)
    ].abs().max() < 5e-5


def test_one_passage_is_exact_without_any_recomputation(loaded: LoadedModel) -> None:
    prompt = _prompt(loaded, SOURCES[:1])
    logits, _ = _plain(loaded, prompt)
    for _ in range(2):
        read, _ = _read(loaded, PassageReuse(loaded, Shelf()), prompt, "none")
        assert read.exact
        assert (read.logits - logits).abs().max() < CLOSE


def test_what_was_found_gives_the_bits_that_were_computed(loaded: LoadedModel) -> None:
    """Whether passages are in the store, and with which others they came, changes nothing."""
    prompt, shelf = _prompt(loaded), Shelf()
    reuse = PassageReuse(loaded, shelf)
    for mode in ("none", "first:2", "blend:0.3"):
        first, _ = _read(loaded, PassageReuse(loaded, Shelf()), prompt, mode)
        other = _prompt(loaded, (SOURCES[2], SOURCES[1], SOURCES[0], SOURCES[3]))
        reuse.keep(_read(loaded, reuse, other, mode)[0])
        second, _ = _read(loaded, reuse, prompt, mode)
        assert torch.equal(first.logits, second.logits)
        assert second.cached_tokens > first.cached_tokens == len(prompt.prefix)


def test_the_same_beginning_is_found_exactly(loaded: LoadedModel) -> None:
    prompt, shelf = _prompt(loaded), Shelf()
    reuse = PassageReuse(loaded, shelf)
    read, _ = _read(loaded, reuse, prompt, "full")
    reuse.keep(read)
    assert read.cached_tokens == len(prompt.prefix)
    again, _ = _read(loaded, reuse, prompt, "none")
    assert again.exact
    assert again.cached_tokens == len(prompt.tokens) - len(prompt.tail)
    assert (again.logits - read.logits).abs().max() < CLOSE
    longer = _prompt(loaded, (SOURCES[0], *SOURCES[2:]))
    half, _ = _read(loaded, reuse, longer, "full")
    parts = half.by_source((SOURCES[0], *SOURCES[2:]))
    assert [part.reused_tokens > 0 for part in parts] == [False, True, True]
    assert (half.logits - _plain(loaded, longer)[0]).abs().max() < CLOSE


def test_doubt_computes_the_rest_and_the_answer_so_far(loaded: LoadedModel) -> None:
    prompt = _prompt(loaded)
    _, plain = _plain(loaded, prompt)
    read, run = _read(loaded, PassageReuse(loaded, Shelf()), prompt, "none")
    for token in (9, 11):
        plain_logits = plain.step([token])
        run.step([token])
    assert (read.read_exactly((9, 11), Deadline(None)) - plain_logits).abs().max() < CLOSE
    assert read.exact
    assert (run.step([12]) - plain.step([12])).abs().max() < CLOSE


def test_what_is_told_adds_up(loaded: LoadedModel) -> None:
    prompt, shelf = _prompt(loaded), Shelf()
    reuse = PassageReuse(loaded, shelf)
    reuse.keep(_read(loaded, reuse, prompt, "none")[0])
    read, _ = _read(loaded, reuse, prompt, "first:3")
    parts = read.by_source(SOURCES)
    assert [part.source_id for part in parts] == [source.id for source in SOURCES]
    assert [part.tokens for part in parts] == [len(passage) for passage in reversed(prompt.passages)]
    assert [part.recomputed_tokens for part in parts] == [3, 3, 3, 0]
    assert all(part.reused_tokens == part.tokens - part.recomputed_tokens for part in parts)
    assert {part.tier for part in parts} == {"memory"}
    assert read.cached_tokens == len(prompt.prefix) + sum(part.reused_tokens for part in parts)


def test_a_deadline_ends_the_reading_between_passages(loaded: LoadedModel) -> None:
    prompt = _prompt(loaded)
    reuse = PassageReuse(loaded, Shelf())
    with pytest.raises(DeadlineExceeded):
        _read(loaded, reuse, prompt, "none", Deadline(0))
    gone = Deadline(60)
    gone.cancel()
    with pytest.raises(Cancelled):
        _read(loaded, reuse, prompt, "first:4", gone)
