"""Every kind of index, every storage and every stage beside brute force."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from skerry.core.errors import InvalidInput
from skerry.retrieval.embedding.spec import SearchOptions

from .clusters import PREFIX, ROWS, WIDTH, brute_force, build, clusters, recall, spec
from .conftest import Built

KINDS = ("flat", "hnsw", "ivf")
ALL = SearchOptions()
Vectors = NDArray[np.float32]


def same(
    found: tuple[NDArray[np.float32], NDArray[np.int64]],
    wanted: tuple[NDArray[np.float32], NDArray[np.int64]],
) -> None:
    """Equal scores; other rows only where scores are equal up to rounding."""
    assert found[0].shape == found[1].shape == wanted[1].shape
    assert found[0].dtype == np.float32
    assert found[1].dtype == np.int64
    assert found[0] == pytest.approx(wanted[0], abs=2e-6)
    assert recall(found[1], wanted[1]) >= 0.999


def test_flat_is_brute_force(built: Built, vectors: Vectors, queries: Vectors) -> None:
    index = built(spec("flat"))
    assert (index.count, index.dimensions, index.kind, index.prefix) == (ROWS, WIDTH, "flat", PREFIX)
    same(index.search(queries, 50, ALL), brute_force(vectors, queries, 50))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dimensions", [1, 7, PREFIX, 31, WIDTH])
def test_exact_is_brute_force_on_any_slice(
    kind: str, dimensions: int, built: Built, vectors: Vectors, queries: Vectors
) -> None:
    found = built(spec(kind)).search(queries, 20, SearchOptions(dimensions=dimensions, exact=True))
    wanted = brute_force(vectors, queries, 20, dimensions)
    assert found[0] == pytest.approx(wanted[0], abs=2e-6)
    if dimensions > 1:  # one dimension has two cosines only
        same(found, wanted)


def test_first_stage_is_slice_and_renormalise(built: Built, vectors: Vectors, queries: Vectors) -> None:
    index = built(spec("flat"))
    same(
        index.search(queries, 30, SearchOptions(dimensions=PREFIX)), brute_force(vectors, queries, 30, PREFIX)
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dimensions", [PREFIX, 20])
@pytest.mark.parametrize("rescored", [31, WIDTH])
def test_a_funnel_over_everything_is_brute_force(
    kind: str, dimensions: int, rescored: int, built: Built, vectors: Vectors, queries: Vectors
) -> None:
    everything = SearchOptions(
        dimensions=dimensions, rescore_dimensions=rescored, oversample=ROWS, ef_search=ROWS, nprobe=ROWS
    )
    same(built(spec(kind)).search(queries, 10, everything), brute_force(vectors, queries, 10, rescored))


@pytest.mark.parametrize("dimensions", [PREFIX, 20])
@pytest.mark.parametrize("rescored", [31, WIDTH])
def test_a_funnel_is_the_best_of_its_shortlist(
    dimensions: int, rescored: int, built: Built, vectors: Vectors, queries: Vectors
) -> None:
    options = SearchOptions(dimensions=dimensions, rescore_dimensions=rescored, oversample=2.5)
    found = built(spec("flat")).search(queries, 10, options)
    _, shortlists = brute_force(vectors, queries, 25, dimensions)
    for number, shortlist in enumerate(shortlists):
        wanted = brute_force(vectors, queries[number : number + 1], 10, rescored, np.sort(shortlist))
        assert found[1][number].tolist() == wanted[1][0].tolist()
        assert found[0][number] == pytest.approx(wanted[0][0], abs=2e-6)


@pytest.mark.parametrize("kind", ["hnsw", "ivf"])
@pytest.mark.parametrize("dimensions", [PREFIX, None])
def test_approximate_kinds_find_nearly_all(
    kind: str, dimensions: int | None, built: Built, vectors: Vectors, queries: Vectors
) -> None:
    index = built(spec(kind))
    _, wanted = brute_force(vectors, queries, 10, dimensions or WIDTH)

    def found(ef_search: int, nprobe: int | None) -> float:
        options = SearchOptions(dimensions=dimensions, ef_search=ef_search, nprobe=nprobe)
        scores, rows = index.search(queries, 10, options)
        assert (scores[:, :-1] >= scores[:, 1:]).all()
        return recall(rows, wanted)

    assert found(128, None) >= 0.9
    assert found(ROWS, ROWS) >= 0.999
    assert found(10, 1) < found(ROWS, ROWS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("storage", "least"), [("fp16", 0.99), ("int8", 0.9)])
def test_smaller_storage_loses_little(
    kind: str, storage: str, least: float, built: Built, vectors: Vectors, queries: Vectors
) -> None:
    index = built(spec(kind, storage))
    wide = SearchOptions(ef_search=ROWS, nprobe=ROWS)
    scores, rows = index.search(queries, 10, wide)
    wanted = brute_force(vectors, queries, 10)
    assert recall(rows, wanted[1]) >= least
    assert scores == pytest.approx(wanted[0], abs=0.01)
    sliced = SearchOptions(dimensions=20, rescore_dimensions=WIDTH, oversample=ROWS)
    assert recall(index.search(queries, 10, sliced)[1], wanted[1]) >= least


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("storage", ["fp32", "int8"])
@pytest.mark.parametrize("size", [1, 9, 300, ROWS])
@pytest.mark.parametrize("options", [ALL, SearchOptions(dimensions=PREFIX), SearchOptions(dimensions=20)])
def test_within_is_exact(
    kind: str,
    storage: str,
    size: int,
    options: SearchOptions,
    built: Built,
    vectors: Vectors,
    queries: Vectors,
) -> None:
    chosen = np.sort(np.random.default_rng(size).choice(ROWS, size, replace=False)).astype(np.int64)
    found = built(spec(kind, storage)).search(queries, 20, options, chosen)
    wanted = brute_force(vectors, queries, 20, options.dimensions or WIDTH, chosen)
    if storage == "fp32":
        same(found, wanted)
    else:
        assert found[0] == pytest.approx(wanted[0], abs=0.01)
        assert np.isin(found[1], chosen).all()


def test_within_goes_through_the_funnel_too(built: Built, vectors: Vectors, queries: Vectors) -> None:
    chosen = np.arange(0, ROWS, 3)
    options = SearchOptions(dimensions=PREFIX, rescore_dimensions=WIDTH, oversample=ROWS)
    same(
        built(spec("hnsw")).search(queries, 10, options, chosen),
        brute_force(vectors, queries, 10, WIDTH, chosen),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_few_vectors(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Any kind of a handful of vectors, more asked for than there are: what brute force says."""
    kind = data.draw(st.sampled_from(KINDS))
    count, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 9))
    prefix = data.draw(st.integers(0, width))
    vectors = clusters(count, data.draw(st.integers(0, 99)), width)
    index = build(vectors, tmp_path_factory.mktemp("few"), spec(kind, prefix=prefix), blocks=3)
    dimensions = data.draw(st.none() | st.integers(1, width))
    rescored = data.draw(st.none() | st.integers(1, width))
    limit = data.draw(st.integers(1, 30))
    options = SearchOptions(dimensions, rescored, oversample=12)
    scores, rows = index.search(vectors[:3], limit, options)
    last = rescored or dimensions or width
    wanted = brute_force(vectors, vectors[:3], limit, last)
    assert rows.shape == wanted[1].shape
    assert scores == pytest.approx(wanted[0], abs=2e-6)


@pytest.mark.parametrize("kind", ["auto", *KINDS])
@pytest.mark.parametrize("storage", ["fp32", "fp16", "int8"])
def test_no_vectors(kind: str, storage: str, tmp_path: Path) -> None:
    index = build(np.empty((0, WIDTH), np.float32), tmp_path, spec(kind, storage), blocks=1)
    assert index.count == 0
    for options in (ALL, SearchOptions(dimensions=PREFIX, rescore_dimensions=WIDTH)):
        scores, rows = index.search(np.ones((2, WIDTH), np.float32), 5, options)
        assert scores.shape == rows.shape == (2, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_limits(kind: str, built: Built, queries: Vectors) -> None:
    index = built(spec(kind))
    funnel = SearchOptions(dimensions=PREFIX, rescore_dimensions=WIDTH)
    for options in (ALL, funnel, SearchOptions(dimensions=20)):
        assert index.search(queries, 10**6, options, np.array([3, 4]))[1].shape == (40, 2)
        assert index.search(queries, 5, options, np.empty(0, np.int64))[1].shape == (40, 0)
        assert index.search(queries[:0], 5, options)[1].shape == (0, 5)
        scores, rows = index.search(queries[:2], 10**6, options)
        assert rows.shape == (2, ROWS)
        assert (np.isneginf(scores) == (rows < 0)).all()
        for row in rows:
            assert len(set(row[row >= 0].tolist())) == (row >= 0).sum() > 100


@pytest.mark.parametrize("kind", KINDS)
def test_from_many_threads(kind: str, built: Built, queries: Vectors) -> None:
    index = built(spec(kind))
    asked = [
        ALL,
        SearchOptions(dimensions=PREFIX),
        SearchOptions(dimensions=20),
        SearchOptions(dimensions=PREFIX, rescore_dimensions=WIDTH),
        SearchOptions(dimensions=PREFIX, rescore_dimensions=31),
    ]
    wanted = [index.search(queries, 10, options)[1].tolist() for options in asked]
    with ThreadPoolExecutor(5) as threads:
        found = list(threads.map(lambda n: index.search(queries, 10, asked[n % 5])[1].tolist(), range(50)))
    assert found == wanted * 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SearchOptions(dimensions=0), "dimensions must be from 1 to 48; got 0"),
        (SearchOptions(dimensions=10**6), "dimensions must be from 1 to 48"),
        (SearchOptions(rescore_dimensions=49), "rescore_dimensions must be from 1 to 48"),
        (SearchOptions(dimensions=PREFIX, rescore_dimensions=-1), "rescore_dimensions must be"),
        (SearchOptions(oversample=0.5), "oversample must be at least 1"),
        (SearchOptions(oversample=float("nan")), "oversample must be at least 1"),
        (SearchOptions(oversample=float("inf")), "oversample must be at least 1"),
    ],
)
def test_bad_options(options: SearchOptions, message: str, built: Built, queries: Vectors) -> None:
    with pytest.raises(InvalidInput, match=message):
        built(spec("flat")).search(queries, 5, options)


def test_queries_of_another_model(built: Built, queries: Vectors) -> None:
    with pytest.raises(InvalidInput, match="48 dimensions, not 20"):
        built(spec("flat")).search(np.ascontiguousarray(queries[:, :20]), 5, ALL)
