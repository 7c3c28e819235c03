"""The readers of pairs beside transformers' own module in fp32: values, neighbours, what is chosen."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from skerry.core.deadline import Deadline
from skerry.core.dtype import resolve_dtype
from skerry.core.errors import DeadlineExceeded, InvalidInput
from skerry.core.models.store import Model, ModelStore
from skerry.kernels import encoder
from skerry.kernels.bert import PackedBert
from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.cross_encoder import CrossEncoder
from skerry.ranking.packed_reader import PackedReader
from skerry.ranking.padded_reader import PaddedReader
from skerry.ranking.pair_network import PairNetwork, PairTokenizer, load_network
from skerry.ranking.pair_reader import Pair, PairReader, pair_reader

from .tiny import ANIMALS, FOODS, PLACES, write_model

MAX_TOKENS = 128
packed = pytest.mark.skipif(not encoder.available(), reason="this processor cannot run the packed encoder")
WAYS = pytest.mark.parametrize(
    "dtype", ["fp32", *(pytest.param(dtype, marks=packed) for dtype in ("bf16", "int8"))]
)
APART = {"fp32": 1e-5, "bf16": 0.06, "int8": 0.2}
"""Of a score at most, in standard deviations of the scores."""


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory, store: ModelStore) -> Model:
    """An encoder that all readers can read with, its weights far from nothing."""
    return store.resolve(str(write_model(tmp_path_factory.mktemp("wide") / "model", width=128, init=0.1)))


@pytest.fixture(scope="module")
def fresh(wide: Model) -> Callable[[], PairNetwork]:
    """Makes the same float32 network each time: readers take theirs over."""

    def make() -> PairNetwork:
        torch.manual_seed(0)
        return load_network(wide, torch.float32, "eager", MAX_TOKENS).eval()

    return make


@pytest.fixture(scope="module")
def pairs(wide: Model) -> list[Pair]:
    """Sixty pairs of 3 to 128 tokens, the first without any word."""
    rng, tokenizer = random.Random(4), PairTokenizer(wide, MAX_TOKENS)
    words = [*ANIMALS, *PLACES, *FOODS]
    found = [tokenizer.pair([], [])]
    for length in [0, 1, 300, 300, *(rng.randint(2, 150) for _ in range(55))]:
        texts = [" ".join(rng.choices(words, k=k)) for k in (rng.randint(1, 12), length)]
        found.append(tokenizer.pair(*tokenizer.tokens(texts)))
    return found


@pytest.fixture(scope="module")
def plain(fresh: Callable[[], PairNetwork], pairs: list[Pair]) -> np.ndarray:
    """Each pair alone through transformers' module in float32."""
    network, scores = fresh(), []
    with torch.no_grad():
        for ids, second in pairs:
            row = torch.tensor([ids])
            types = (torch.arange(len(ids)) >= second).long()[None]
            scores.append(network(row, torch.ones_like(row), types).item())
    return np.array(scores, np.float32)


@pytest.fixture
def reader(fresh: Callable[[], PairNetwork], dtype: str) -> PairReader:
    found = pair_reader(fresh(), dtype)
    assert found.dtype == dtype
    return found


@WAYS
def test_scores_are_those_of_the_module(
    reader: PairReader, pairs: list[Pair], plain: np.ndarray, dtype: str
) -> None:
    scores = reader.logits(pairs, Deadline())
    assert scores.dtype == np.float32 and scores.shape == (len(pairs),)
    assert plain.std() > 0.05
    np.testing.assert_allclose(scores, plain, atol=APART[dtype] * plain.std())
    assert np.abs(scores - plain).mean() < APART[dtype] / 4 * plain.std()


@WAYS
def test_what_is_beside_a_pair_does_not_matter(reader: PairReader, pairs: list[Pair], dtype: str) -> None:
    together = reader.logits(pairs, Deadline())
    alone = np.concatenate([reader.logits([pair], Deadline()) for pair in pairs])
    order = np.random.default_rng(2).permutation(len(pairs))
    shuffled = reader.logits([pairs[row] for row in order], Deadline())
    if dtype == "fp32":
        np.testing.assert_allclose(alone, together, atol=1e-5)
        np.testing.assert_allclose(shuffled, together[order], atol=1e-5)
    else:
        assert alone.tobytes() == together.tobytes()
        assert shuffled.tobytes() == together[order].tobytes()


@WAYS
def test_no_pairs(reader: PairReader) -> None:
    assert reader.logits([], Deadline(0)).shape == (0,)


@WAYS
def test_the_deadline_is_looked_at_between_batches(reader: PairReader, pairs: list[Pair]) -> None:
    class Counting(Deadline):
        checks = 0

        def check(self, doing: str = "working") -> None:
            self.checks += 1
            super().check(doing)

    deadline, tokens = Counting(), 4 * sum(len(ids) for ids, _ in pairs)
    reader.logits(pairs * 4, deadline)
    assert tokens / 4096 <= deadline.checks <= tokens / 4096 + 5
    with pytest.raises(DeadlineExceeded, match="ranking passages"):
        reader.logits(pairs, Deadline(0))


@packed
def test_the_fastest_is_chosen(fresh: Callable[[], PairNetwork], base: Model, tmp_path: Path) -> None:
    assert PackedBert.can_be(fresh().encoder, eight_bits=True)
    assert pair_reader(fresh(), "auto").dtype == "int8"
    narrow = load_network(base, torch.float32, "sdpa", MAX_TOKENS)
    assert not PackedBert.can_be(narrow.encoder, eight_bits=True)
    chosen = pair_reader(narrow, "auto")
    assert isinstance(chosen, PackedReader) and chosen.dtype == "bf16"


def test_what_the_kernel_is_not_made_for_goes_through_torch(store: ModelStore, tmp_path: Path) -> None:
    other = store.resolve(str(write_model(tmp_path / "relu", activation="relu")))
    for dtype, wanted in (("auto", resolve_dtype("auto")), ("bf16", "bf16"), ("fp32", "fp32")):
        network = load_network(other, torch.float32, "sdpa", MAX_TOKENS)
        chosen = pair_reader(network, dtype)
        assert isinstance(chosen, PaddedReader) and chosen.dtype == wanted


@pytest.mark.parametrize(
    ("dtype", "message"), [("fp8", "no dtype 'fp8'"), ("", "no dtype"), ("int8", "cannot be read in int8")]
)
def test_what_cannot_be_chosen(base: Model, dtype: str, message: str) -> None:
    network = load_network(base, torch.float32, "sdpa", MAX_TOKENS)
    with pytest.raises(InvalidInput, match=message):
        pair_reader(network, dtype)


@pytest.mark.parametrize("dtype", ["fp32", "auto"])
def test_ten_thousand_candidates_in_bounded_memory(
    store: ModelStore, ranker_folder: Path, dtype: str
) -> None:
    ranker = CrossEncoder(store, ranker_folder, dtype)
    huge = "the otter eats eels in the marsh. " * 3000
    some = tuple(Candidate("", text) for text in ("", huge, huge[:5000], "heron moss cliff"))
    many = RankRequest("what does the otter eat?", some * 2500)
    tracemalloc.start()
    [scores] = ranker.score([many], Deadline())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150e6
    assert scores.raw.shape == (10_000,) and np.isfinite(scores.raw).all()
    each = scores.raw.reshape(-1, 4)
    np.testing.assert_allclose(each, np.broadcast_to(each[0], each.shape), atol=1e-5)
    assert each[0, 1] == pytest.approx(each[0, 2], abs=1e-5)
    assert len(set(each[0].round(6))) == 3
