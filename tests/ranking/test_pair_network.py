"""Pairs of a query and a passage: their tokens, their batches, their scores."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.core.errors import IndexCorrupt, InvalidInput
from skerry.core.models.store import Model, ModelStore
from skerry.ranking.pair_network import PairNetwork, PairTokenizer, batches, load_network, passage_text

from .tiny import ANIMALS, FOODS, PLACES, write_model

Pair = tuple[list[int], int]


@pytest.fixture(scope="module")
def tokenizer(base: Model) -> PairTokenizer:
    return PairTokenizer(base, 128)


@pytest.fixture(scope="module")
def pairs(tokenizer: PairTokenizer) -> list[Pair]:
    """Forty pairs of 6 to 128 tokens."""
    rng = random.Random(3)
    words = [*ANIMALS, *PLACES, *FOODS]
    found = []
    for length in [1, 2, 3, 200, 200, *(rng.randint(1, 150) for _ in range(35))]:
        query, passage = tokenizer.tokens(
            [" ".join(rng.choices(words, k=rng.randint(1, 12))), " ".join(rng.choices(words, k=length))]
        )
        found.append(tokenizer.pair(query, passage))
    return found


def score(network: PairNetwork, pairs: list[Pair], batch_tokens: int = 4096) -> torch.Tensor:
    scores = torch.empty(len(pairs))
    with torch.no_grad():
        for rows, ids, mask, types in batches(pairs, batch_tokens):
            scores[rows] = network(ids, mask, types)
    return scores


def test_padding_does_not_matter(network: PairNetwork, pairs: list[Pair]) -> None:
    together = score(network, pairs, batch_tokens=10**6)
    alone = torch.cat([score(network, [pair]) for pair in pairs])
    assert torch.allclose(together, alone, atol=1e-6)
    assert alone.std() > 1e-4


@pytest.mark.parametrize("batch_tokens", [1, 200, 1000])
def test_the_size_of_batches_does_not_matter(
    network: PairNetwork, pairs: list[Pair], batch_tokens: int
) -> None:
    assert torch.allclose(score(network, pairs, batch_tokens), score(network, pairs), atol=1e-6)


def test_the_order_of_candidates_does_not_matter(network: PairNetwork, pairs: list[Pair]) -> None:
    order = list(range(len(pairs)))
    random.Random(1).shuffle(order)
    shuffled = score(network, [pairs[row] for row in order])
    assert torch.allclose(shuffled, score(network, pairs)[order], atol=1e-6)


def test_the_order_of_words_and_the_segments_matter(network: PairNetwork, tokenizer: PairTokenizer) -> None:
    query, passage = tokenizer.tokens(["otter marsh", "heron eels"])
    there, back = tokenizer.pair(query, passage), tokenizer.pair(passage, query)
    one_segment = (there[0], len(there[0]))
    scores = score(network, [there, back, one_segment])
    assert len({round(float(value), 6) for value in scores}) == 3


def test_layout_of_a_pair(base: Model, tokenizer: PairTokenizer) -> None:
    query, passage = tokenizer.tokens(["What does the otter eat?", passage_text("Otter", "It eats eels.")])
    ids, second = tokenizer.pair(query, passage)
    cls, separator = 2, 3
    assert ids == [cls, *query, separator, *passage, separator]
    assert second == len(query) + 2
    [(rows, tensor, mask, types)] = batches([(ids, second)])
    assert rows == [0]
    assert tensor.shape[1] % 8 == 0
    assert tensor[0, : len(ids)].tolist() == ids
    assert mask[0].tolist() == [1] * len(ids) + [0] * (tensor.shape[1] - len(ids))
    assert types[0].nonzero().flatten().tolist() == list(range(second, len(ids)))


@given(
    query=st.integers(0, 300),
    passage=st.integers(0, 300),
    max_tokens=st.sampled_from([8, 20, 66, 67, 128, 208]),
)
@settings(max_examples=200, deadline=None)
def test_truncation(base: Model, query: int, passage: int, max_tokens: int) -> None:
    tokenizer = _tokenizer(base, max_tokens)
    ids, second = tokenizer.pair(list(range(100, 100 + query)), list(range(1000, 1000 + passage)))
    first = [token for token in ids if 100 <= token < 1000]
    rest = [token for token in ids if token >= 1000]
    assert len(ids) <= max_tokens
    assert first == list(range(100, 100 + min(query, 64, max_tokens - 3)))
    assert rest == list(range(1000, 1000 + min(passage, max_tokens - 3 - len(first))))
    assert (ids[0], ids[second - 1], ids[-1]) == (2, 3, 3)
    assert second == len(first) + 2


_TOKENIZERS: dict[int, PairTokenizer] = {}


def _tokenizer(base: Model, max_tokens: int) -> PairTokenizer:
    if max_tokens not in _TOKENIZERS:
        _TOKENIZERS[max_tokens] = PairTokenizer(base, max_tokens)
    return _TOKENIZERS[max_tokens]


@given(lengths=st.lists(st.integers(3, 300), max_size=60), budget=st.integers(1, 1500))
@settings(max_examples=200, deadline=None)
def test_batches_cover_each_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    pairs = [([row + 1] * length, 2) for row, length in enumerate(lengths)]
    seen: list[int] = []
    widths = []
    for rows, ids, mask, types in batches(pairs, budget):
        seen += rows
        widths.append(ids.shape[1])
        assert ids.shape == mask.shape == types.shape
        assert ids.shape[0] == len(rows)
        assert ids.numel() <= budget or len(rows) == 1
        for line, row in enumerate(rows):
            length = lengths[row]
            assert mask[line].tolist() == [1] * length + [0] * (ids.shape[1] - length)
            assert (ids[line] == mask[line] * (row + 1)).all()
            assert int(types[line].sum()) == length - 2
    assert sorted(seen) == list(range(len(pairs)))
    assert widths == sorted(widths, reverse=True)


def test_unusual_texts(network: PairNetwork, tokenizer: PairTokenizer) -> None:
    huge = ("otter marsh eels " * 6000)[:100_000]
    texts = [
        "",
        huge,
        "x" * 100_000,
        "\u4e2d\u6587 \u0416\u0416 \U0001f980",
        "a\x00b\u202e\n\t",
        "\u0301" * 50,
    ]
    tokens = tokenizer.tokens(texts)
    assert tokens[0] == []
    assert len(tokens[1]) == 128
    unknown = tokens[3]
    assert set(unknown) == {1}
    query = tokenizer.tokens(["otter"])[0]
    scores = score(network, [tokenizer.pair(query, text) for text in tokens])
    assert scores.isfinite().all()
    assert score(network, [tokenizer.pair(unknown, tokens[1]), tokenizer.pair([], [])]).isfinite().all()


def test_a_long_passage_is_what_its_start_is(tokenizer: PairTokenizer) -> None:
    start = " ".join(["otter", "marsh", "eels", "heron"] * 50)
    assert tokenizer.tokens([start + " cliff" * 20_000]) == tokenizer.tokens([start])


@pytest.mark.parametrize("text", ["\ud800", "a good start \udfff and more"])
def test_invalid_unicode(tokenizer: PairTokenizer, text: str) -> None:
    with pytest.raises(InvalidInput, match="Unicode"):
        tokenizer.tokens(["fine", text])


def test_no_texts(tokenizer: PairTokenizer) -> None:
    assert tokenizer.tokens([]) == []
    assert list(batches([])) == []


def test_passage_text() -> None:
    assert passage_text("Otter", "It swims.") == "Otter. It swims."
    assert passage_text("", "It swims.") == "It swims."


@pytest.mark.parametrize("max_tokens", [-1, 0, 7])
def test_pairs_too_short(base: Model, max_tokens: int) -> None:
    with pytest.raises(InvalidInput, match="at least 8"):
        PairTokenizer(base, max_tokens)


def test_bases_that_cannot_read_pairs(store: ModelStore, tmp_path: Path) -> None:
    for name, options in (("short", {"positions": 64}), ("flat", {"segments": 1})):
        model = store.resolve(str(write_model(tmp_path / name, **options)))
        with pytest.raises(InvalidInput, match="together 128 tokens"):
            load_network(model, torch.float32, "sdpa", 128)


def _without_separator(folder: Path) -> None:
    text = (folder / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(text.replace("[SEP]", "[END]"))


def test_a_tokenizer_of_another_kind(base: Model, store: ModelStore, tmp_path: Path) -> None:
    shutil.copytree(base.folder, tmp_path / "copy")
    _without_separator(tmp_path / "copy")
    with pytest.raises(InvalidInput, match=r"no \[SEP\]"):
        PairTokenizer(store.resolve(str(tmp_path / "copy")), 128)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
@pytest.mark.parametrize("how", ["cut", "empty", "gone"])
def test_damaged_base(base: Model, store: ModelStore, tmp_path: Path, file: str, how: str) -> None:
    shutil.copytree(base.folder, tmp_path / "copy")
    model = store.resolve(str(tmp_path / "copy"))
    path = model.folder / file
    data = path.read_bytes()
    path.unlink()
    if how != "gone":
        path.write_bytes(data[: len(data) // 2] if how == "cut" else b"")
    with pytest.raises(IndexCorrupt, match=str(model.folder)):
        load_network(model, torch.float32, "sdpa", 128)
        PairTokenizer(model, 128)
