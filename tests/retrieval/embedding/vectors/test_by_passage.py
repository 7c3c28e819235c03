"""Passages by the best of their rows, beside brute force, in every kind of index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from skerry.core.errors import IndexCorrupt
from skerry.retrieval.embedding.by_passage import search_passages
from skerry.retrieval.embedding.spec import SearchOptions
from skerry.retrieval.embedding.starts import read_starts, rows_of, starts_of, write_starts

from .clusters import PREFIX, ROWS, WIDTH, build, clusters, spec, unit
from .conftest import Built

KINDS = ("flat", "hnsw", "ivf")
Vectors = NDArray[np.float32]
Ordinals = NDArray[np.int64]
EVERYTHING = {"oversample": ROWS, "ef_search": ROWS, "nprobe": ROWS}


def slowly(
    vectors: Vectors, starts: Ordinals, query: Vectors, dimensions: int, within: Ordinals | None
) -> tuple[list[float], list[int]]:
    """Every passage, best first: the maximum over its rows, sliced and renormalised."""
    cosines = unit(vectors[:, :dimensions]) @ unit(query[None, :dimensions])[0]
    passages = range(len(starts) - 1) if within is None else within.tolist()
    best = {p: float(cosines[starts[p] : starts[p + 1]].max()) for p in passages}
    order = sorted(best, key=lambda p: (-best[p], p))
    return [best[p] for p in order], order


def divided(rows: int, seed: int, most: int = 9) -> Ordinals:
    """Random starts of passages with 1 to `most` rows each, `rows` in all."""
    counts = np.random.default_rng(seed).integers(1, most + 1, rows)
    ends = np.cumsum(counts)
    return np.concatenate([[0], ends[ends < rows], [rows]]).astype(np.int64)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dimensions", [PREFIX, 20, WIDTH])
@pytest.mark.parametrize("rescored", [None, WIDTH])
@pytest.mark.parametrize("part", [None, 1, 40])
def test_is_brute_force(
    kind: str,
    dimensions: int,
    rescored: int | None,
    part: int | None,
    built: Built,
    vectors: Vectors,
    queries: Vectors,
) -> None:
    starts = divided(ROWS, seed=3)
    within = None if part is None else np.arange(0, len(starts) - 1, part)
    options = SearchOptions(dimensions, rescored, **EVERYTHING)  # type: ignore[arg-type]
    scores, found = search_passages(built(spec(kind)), starts, vectors[:8], 30, options, within)
    limit = 30 if within is None else min(30, len(within))
    assert scores.shape == found.shape == (8, limit)
    for query, its_scores, its_found in zip(vectors[:8], scores, found, strict=True):
        wanted, order = slowly(vectors, starts, query, rescored or dimensions, within)
        assert its_scores == pytest.approx(wanted[:limit], abs=2e-6)
        by_passage = dict(zip(order, wanted, strict=True))
        assert its_scores == pytest.approx([by_passage[p] for p in its_found.tolist()], abs=2e-6)
        assert len(set(its_found.tolist())) == limit


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_few_passages_and_ties(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A handful of rows, many of them equal; more asked for than there are."""
    kind = data.draw(st.sampled_from(KINDS))
    counts = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=7))
    starts = starts_of([np.array(counts, np.int64)])
    width = data.draw(st.integers(2, 6))
    seed = data.draw(st.integers(0, 99))
    few = clusters(4, seed, width)
    vectors = few[np.random.default_rng(seed).integers(0, 4, sum(counts))]
    index = build(vectors, tmp_path_factory.mktemp("few"), spec(kind, prefix=0), blocks=2)
    chosen = data.draw(st.none() | st.lists(st.integers(0, len(counts) - 1), unique=True))
    within = None if chosen is None else np.array(sorted(chosen), np.int64)
    limit = data.draw(st.integers(1, 12))
    options = SearchOptions(**EVERYTHING)  # type: ignore[arg-type]
    scores, found = search_passages(index, starts, few[:2], limit, options, within)
    for query, its_scores, its_found in zip(few[:2], scores, found, strict=True):
        wanted, order = slowly(vectors, starts, query, width, within)
        assert its_scores == pytest.approx(wanted[:limit], abs=2e-6)
        by_passage = dict(zip(order, wanted, strict=True))
        assert its_scores == pytest.approx([by_passage[p] for p in its_found.tolist()], abs=2e-6)


@pytest.mark.parametrize("kind", ["hnsw", "ivf"])
def test_a_narrow_search_finds_what_it_can(kind: str, built: Built, queries: Vectors) -> None:
    starts = divided(ROWS, seed=5)
    narrow = SearchOptions(ef_search=1, nprobe=1)
    scores, found = search_passages(built(spec(kind)), starts, queries, len(starts), narrow)
    assert found.shape == (len(queries), len(starts) - 1)
    assert (np.isneginf(scores) == (found < 0)).all()
    for row in found:
        there = row[row >= 0].tolist()
        assert len(set(there)) == len(there) > 0


def test_all_rows_of_one_passage_come_first(tmp_path: Path) -> None:
    """Most rows belong to one passage and are the nearest: the others are found behind them."""
    near = np.tile(np.float32([1, 0.1]), (500, 1))
    vectors = unit(np.concatenate([near, [[1, 1], [0, 1], [-1, 0]]]))
    starts = np.array([0, 500, 501, 502, 503], np.int64)
    index = build(vectors, tmp_path, spec("flat", prefix=0), blocks=1)
    scores, found = search_passages(index, starts, np.float32([[1, 0]]), 3, SearchOptions())
    assert found.tolist() == [[0, 1, 2]]
    assert scores[0] == pytest.approx([vectors[0, 0], 0.5**0.5, 0], abs=1e-6)


def test_nothing_to_find(built: Built, queries: Vectors) -> None:
    starts = divided(ROWS, seed=3)
    nobody = np.empty(0, np.int64)
    scores, found = search_passages(built(spec("flat")), starts, queries, 5, SearchOptions(), nobody)
    assert scores.shape == found.shape == (len(queries), 0)
    assert search_passages(built(spec("flat")), starts, queries[:0], 5, SearchOptions())[1].shape == (0, 5)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=9), st.data())
def test_rows_of_passages(counts: list[int], data: st.DataObject) -> None:
    starts = starts_of([np.array(counts[:3], np.int64), np.array(counts[3:], np.int64)])
    assert starts.tolist() == [sum(counts[:n]) for n in range(len(counts) + 1)]
    chosen = data.draw(st.lists(st.integers(0, len(counts) - 1), unique=True))
    wanted = [row for p in chosen for row in range(starts[p], starts[p + 1])]
    assert rows_of(starts, np.array(chosen, np.int64)).tolist() == wanted


def test_starts_on_disk(tmp_path: Path) -> None:
    starts = starts_of([np.array([2, 1, 3], np.int64)])
    write_starts(tmp_path, starts)
    read = read_starts(tmp_path, 3, 6)
    assert isinstance(read, np.memmap) and read.tolist() == [0, 2, 3, 6]
    write_starts(tmp_path, starts_of([]))
    assert read_starts(tmp_path, 0, 0).tolist() == [0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (None, "No such file"),
        (b"", "No data left"),
        (b"no numpy file", ""),
        (np.array([0, 2, 3]), r"shape \(3,\) for 3 passages"),
        (np.array([0, 2, 3, 7]), "does not divide 6 vectors"),
        (np.array([1, 2, 3, 6]), "does not divide"),
        (np.array([0, 3, 2, 6]), "does not divide"),
        (np.array([0, 2, 2, 6]), "does not divide"),
        (np.array([0.0, 2, 3, 6]), "float64"),
    ],
)
def test_starts_that_do_not_fit(
    values: NDArray[np.generic] | bytes | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "starts.npy"
    if isinstance(values, bytes):
        path.write_bytes(values)
    elif values is not None:
        np.save(path, values)
    with pytest.raises(IndexCorrupt, match=r"starts\.npy cannot be used.*" + message):
        read_starts(tmp_path, 3, 6)
