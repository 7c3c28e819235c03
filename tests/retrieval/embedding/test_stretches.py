"""Where texts are cut, beside a slow version, and the vectors of the parts beside ones made one by one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skerry.core.errors import InvalidInput
from skerry.core.models.store import Model, ModelStore
from skerry.kernels import encoder as kernel
from skerry.retrieval.embedding import adapter as adapters
from skerry.retrieval.embedding.encoder import SentenceEncoder
from skerry.retrieval.embedding.exits import Exits
from skerry.retrieval.embedding.passage_text import passage_text, text_begin
from skerry.retrieval.embedding.stretches import Stretches

from .conftest import LAYERS, WIDTH, WORDS

Small = Callable[[str], Model]
TITLES = ["", "lighthouse", "", "the reef " * 60, "granite ferry"]
BODIES = [20, 70, 0, 30, 49]


def slowly(title: int, text: int) -> list[list[int]]:
    """Token numbers of each stretch of [CLS], `title` tokens, `text` tokens and [SEP]."""
    if not text:
        return []
    wanted = max(1, int(text / 32 + 0.5))
    parts: list[list[int]] = [[] for _ in range(wanted)]
    for number in range(text):
        parts[int((number + 0.5) / text * wanted + 1e-9)].append(1 + title + number)
    return parts


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 254)), min_size=1, max_size=6), st.integers(0, 9))
def test_every_token_is_in_one_even_stretch(texts: list[tuple[int, int]], padding: int) -> None:
    offsets = [[(0, 0), *((2 * n, 2 * n + 1) for n in range(title + text)), (0, 0)] for title, text in texts]
    cut = Stretches.behind(offsets, [2 * title for title, _ in texts])
    width = max(map(len, offsets)) + padding
    masks = cut.masks(width)
    assert masks.shape == (len(texts), 1 + max(cut.counts), width)
    for number, (title, text) in enumerate(texts):
        wanted = slowly(title, text)
        assert cut.counts[number] == len(wanted)
        assert np.flatnonzero(masks[number, 0]).tolist() == list(range(title + text + 2))
        found = [np.flatnonzero(part).tolist() for part in masks[number, 1:]]
        assert found == wanted + [[]] * (len(found) - len(wanted))
        assert text < 48 or all(21 <= len(part) <= 48 for part in wanted)
    rows = np.arange(len(texts))[::-1]
    assert (cut.take(rows).masks(width) == masks[rows]).all()
    assert Stretches.none(cut.lengths.tolist()).masks(width)[:, 0].tolist() == masks[:, 0].tolist()


def test_tokens_before_the_text_and_a_token_across_its_beginning() -> None:
    offsets = [[(0, 0), (0, 4), (4, 5), (5, 7), (7, 9), (0, 0)]] * 3
    assert Stretches.behind(offsets, [6, 9, 0]).cut.tolist() == [2, 0, 4]
    assert Stretches.behind(offsets, [6, 9, 0]).firsts.tolist() == [3, 0, 1]


def texts() -> tuple[list[str], list[int]]:
    words = WORDS.split()
    bodies = [
        " ".join(words[(number * 7 + n) % len(words)] for n in range(length))
        for number, length in enumerate(BODIES)
    ]
    return [passage_text(*pair) for pair in zip(TITLES, bodies, strict=True)], [text_begin(t) for t in TITLES]


def exits() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    made = Exits(LAYERS, WIDTH)
    state = {
        name: torch.randn(value.shape, generator=generator) / 4 for name, value in made.state_dict().items()
    }
    made.load_state_dict(state)
    return made.tensors()


@pytest.mark.parametrize("adapter", [None, exits()], ids=["means", "exits"])
def test_parts_one_by_one(adapter: dict[str, torch.Tensor] | None, small: Small) -> None:
    """Each vector from the states of its text alone, pooled by a mask of its own."""
    encoder = SentenceEncoder(small("bert"), "fp32", adapter=adapter)
    given_texts, begins = texts()
    found = encoder.encode_stretches(given_texts, begins, [2, 4], dimensions=24)
    assert found.starts.tolist() == encoder.starts(given_texts, begins).tolist()
    assert np.diff(found.starts).tolist() == [2, 3, 1, 1, 3]
    whole = encoder.encode_layers(given_texts, [2, 4], dimensions=24)
    for number, text in enumerate(given_texts):
        ids = torch.tensor([encoder._tokenizer.encode(text).ids])
        titles = TITLES[number].split()
        begin = 1 + len(titles) + bool(titles)  # Whitespace makes a token of the full stop
        parts = [[*range(ids.shape[1])], *slowly(begin - 1, max(0, ids.shape[1] - 1 - begin))]
        states = encoder._network.states(ids, torch.ones_like(ids), [0, 2, 4])
        for place, depth in enumerate((2, 4), start=1):
            rows = found.layers[depth][found.starts[number] : found.starts[number + 1]]
            assert len(rows) == len(parts)
            assert rows[0] == pytest.approx(whole[depth][number], abs=1e-5)
            for row, part in zip(rows, parts, strict=True):
                if adapter is None:
                    wanted = states[place][0, part].mean(0)
                else:
                    pooled = encoder._exits
                    assert pooled is not None
                    mask = torch.ones(1, len(part))
                    [wanted] = pooled(states[0][:, part], [states[place][:, part]], [depth], mask)[0]
                short = wanted[:24] / wanted[:24].norm()
                assert row == pytest.approx(short.numpy(), abs=1e-5)


def test_neighbours_do_not_matter_and_no_texts(small: Small) -> None:
    given_texts, begins = texts()
    encoder = SentenceEncoder(small("bert"), "fp32", adapter=exits())
    together = encoder.encode_stretches(given_texts, begins, [3])
    alone = SentenceEncoder(small("bert"), "fp32", batch_tokens=1, adapter=exits())
    assert alone.encode_stretches(given_texts, begins, [3]).layers[3] == pytest.approx(
        together.layers[3], abs=1e-5
    )
    nothing = encoder.encode_stretches([], [], [1, 3])
    assert nothing.starts.tolist() == [0] and nothing.layers[3].shape == (0, WIDTH)


def test_bad_input(small: Small) -> None:
    encoder = SentenceEncoder(small("bert"), "fp32")
    with pytest.raises(InvalidInput, match="cannot be encoded"):
        encoder.encode_stretches(["\ud800"], [0], [2])
    with pytest.raises(InvalidInput, match="layers must be"):
        encoder.encode_stretches(["lamp"], [0], [9])
    with pytest.raises(InvalidInput, match="1 texts and 2 beginnings"):
        encoder.encode_stretches(["lamp"], [0, 0], [2])


@pytest.mark.skipif(not kernel.available(), reason="this processor cannot run the packed encoder")
def test_both_networks_agree(models: ModelStore) -> None:
    model = models.resolve("all-MiniLM-L6-v2")
    factors = adapters.load(adapters.SHIPPED)[1]
    text = "The keeper trims the lamp. " * 14
    given_texts, begins = [passage_text("Lamp", text), "Owls hunt."], [text_begin("Lamp"), 0]
    found = [
        SentenceEncoder(model, dtype, adapter=factors).encode_stretches(given_texts, begins, [3, 6])
        for dtype in ("bf16", "fp32")
    ]
    assert found[0].starts.tolist() == found[1].starts.tolist() == [0, 1 + 84 // 32 + 1, 6]
    for depth in (3, 6):
        assert (found[0].layers[depth] * found[1].layers[depth]).sum(1).min() > 0.999
