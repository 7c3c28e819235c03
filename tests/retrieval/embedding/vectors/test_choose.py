"""The rule of size and memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.core.errors import InvalidInput
from skerry.retrieval.embedding.spec import KINDS, STORAGES, VectorSpec

GIB = 2**30


@pytest.mark.parametrize(
    ("count", "width", "memory", "kind", "storage"),
    [
        (0, 0, 4 * GIB, "flat", "fp32"),
        (1, 384, 4 * GIB, "flat", "fp32"),
        (25_000, 384, 4 * GIB, "flat", "fp32"),
        (1_000_000, 384, 4 * GIB, "hnsw", "fp32"),
        (5_000_000, 384, 4 * GIB, "ivf", "fp16"),
        (10_000_000, 384, 4 * GIB, "ivf", "int8"),
        (10_000_000, 384, 64 * GIB, "hnsw", "fp32"),
        (100_000_000, 1024, 4 * GIB, "ivf", "int8"),
        (25_000, 384, 10_000_000, "flat", "int8"),
    ],
)
def test_of_size_and_memory(count: int, width: int, memory: int, kind: str, storage: str) -> None:
    chosen = VectorSpec(memory=memory).chosen(count, width)
    assert (chosen.kind, chosen.storage) == (kind, storage)


@given(
    st.sampled_from(KINDS),
    st.sampled_from(STORAGES),
    st.integers(0, 10**9),
    st.integers(1, 4096),
    st.integers(0, 10**6),
)
def test_nothing_is_left_open(kind: str, storage: str, count: int, width: int, lists: int) -> None:
    chosen = VectorSpec(kind, storage, lists=lists).chosen(count, width)
    assert "auto" not in (chosen.kind, chosen.storage)
    assert chosen.prefix is not None
    assert 0 <= chosen.prefix < width
    assert chosen == chosen.chosen(count, width)
    if count:
        assert kind in ("auto", chosen.kind)
        assert storage in ("auto", chosen.storage)
        assert (1 <= chosen.lists <= count) == (chosen.kind == "ivf")
    else:
        assert chosen.kind == "flat"


@given(st.integers(1, 10**8), st.integers(1, 10**8), st.integers(1, 2048))
def test_more_vectors_never_get_more_bytes_each(count: int, more: int, width: int) -> None:
    sizes = [STORAGES.index(VectorSpec().chosen(n, width).storage) for n in (count, count + more)]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "tree"}, "auto, flat, hnsw, ivf; got 'tree'"),
        ({"storage": "int4"}, "auto, fp32, fp16, int8"),
    ],
)
def test_unknown_words(wrong: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        VectorSpec(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("prefix", [-1, 385])
def test_a_prefix_out_of_range(prefix: int) -> None:
    with pytest.raises(InvalidInput, match=f"from 0 to 384 dimensions; got {prefix}"):
        VectorSpec(prefix=prefix).chosen(10, 384)
