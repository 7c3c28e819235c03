"""One encoder, untrained or with an adapter, on everything: the grid, ways to search, the funnel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skerry.benchmarks.elastic.funnel import FunnelRow, funnel_table
from skerry.benchmarks.elastic.layer_vectors import LayerVectors, layer_vectors
from skerry.benchmarks.elastic.nearest import nearest, rescored
from skerry.benchmarks.elastic.question_set import DEPTH, QuestionSet, RightPassages
from skerry.benchmarks.elastic.similarity import similarity_grid
from skerry.core.progress import Progress
from skerry.retrieval.embedding.encoder import SentenceEncoder
from skerry.retrieval.embedding.options import LEAST_DIMENSIONS
from skerry.retrieval.embedding.prefix import leading
from skerry.retrieval.embedding.training.similarity import SimilarPair

KS = (1, 5, 20, 100)
_SHORTLISTS = (50, 100, 200)
_PREFIXES = (3, 4, 6, 12, 16)
"""In the funnel's first stage, as 24ths of the width: 48, 64, 96, 192 and 256 of 384."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The sizes that are tried.

    Attributes:
        layers, dimensions: ascending.
        depth, width: of the whole encoder.
    """

    layers: tuple[int, ...]
    dimensions: tuple[int, ...]
    depth: int
    width: int

    @property
    def half(self) -> int:
        """Half the layers."""
        return max(1, self.depth // 2)

    @property
    def quarter(self) -> int:
        """A quarter of the dimensions."""
        return max(LEAST_DIMENSIONS, self.width // 4)

    @property
    def encoded(self) -> tuple[int, ...]:
        """The layers of which vectors are needed."""
        return tuple(sorted({*self.layers, self.half, self.depth}))


@dataclass(frozen=True, slots=True)
class Cell:
    """Symmetric search at one size.

    Attributes:
        hits: hit@k by k.
        spearman: on the sentence pairs; None without them.
    """

    layers: int
    dimensions: int
    hits: Mapping[int, float]
    spearman: float | None


@dataclass(frozen=True, slots=True)
class Way:
    """One way to search.

    Attributes:
        hits: hit@k by k.
        share: of the same encoder's hit@5 at its whole size.
    """

    name: str
    hits: Mapping[int, float]
    share: float


@dataclass(frozen=True, slots=True)
class Measured:
    """An encoder's figures.

    Attributes:
        adapter: as it was asked for.
        weights_sha256: of the adapter, "" for none.
        rows: vectors of a depth.
        cells: of the grid.
        ways: the whole size, and smaller ones with what helps them.
        funnel: over vectors of the whole size.
        others: scores at the whole size, by set and metric.
    """

    adapter: str
    weights_sha256: str
    rows: int
    cells: Sequence[Cell]
    ways: Sequence[Way]
    funnel: Sequence[FunnelRow]
    others: Mapping[str, Mapping[str, float]]

    def cell(self, layers: int, dimensions: int) -> Cell:
        """The cell of this size. Raises `KeyError` where it is not in the grid."""
        return {(cell.layers, cell.dimensions): cell for cell in self.cells}[layers, dimensions]


@dataclass(frozen=True, slots=True)
class Work:
    """What is measured of each encoder.

    Attributes:
        main: the KILT questions of the grid.
        right: their right passages.
        pairs: graded sentence pairs; may be none.
        others: further sets, for the whole size.
        funnel: whether the funnel is measured, over vectors of whole passages.
        out: folder of the vectors.
        stretches: whether passages' stretches have vectors too.
    """

    grid: Grid
    main: QuestionSet
    right: RightPassages
    pairs: Sequence[SimilarPair]
    others: Sequence[QuestionSet]
    funnel: bool
    out: Path
    stretches: bool = False


def measure(
    encoder: SentenceEncoder, adapter: str, identity: Mapping[str, str], work: Work, progress: Progress
) -> Measured:
    """Everything of one encoder; passages whose vectors are in `work.out` are not encoded again.

    Args:
        adapter: what it is called.
        identity: all that the encoder's vectors depend on; "adapter" is the digest of the adapter's weights.
    """
    grid = work.grid

    def vectors_of(of: QuestionSet, layers: Sequence[int]) -> LayerVectors:
        return layer_vectors(work.out, encoder, identity, of.passages, layers, progress, work.stretches)

    vectors = vectors_of(work.main, grid.encoded)
    queries = encoder.encode_layers([question.input for question in work.main.questions], grid.encoded)
    similar = similarity_grid(encoder, work.pairs, grid.layers, grid.dimensions) if work.pairs else {}
    cells = []
    with progress.task("grid", len(grid.layers) * len(grid.dimensions), "sizes") as task:
        for layers in grid.layers:
            for dimensions in grid.dimensions:
                found = nearest(vectors.layers[layers], queries[layers], dimensions, DEPTH, vectors.starts)
                hits = _hits(work.right, found)
                cells.append(Cell(layers, dimensions, hits, similar.get((layers, dimensions))))
                task.advance()
    ways = list(_ways(grid, vectors, queries, work.right))
    whole = ways[0][1][5]
    return Measured(
        adapter,
        identity["adapter"],
        len(vectors.layers[grid.depth]),
        cells,
        [Way(name, hits, hits[5] / whole if whole else 0.0) for name, hits in ways],
        _funnel(vectors.whole(grid.depth), queries[grid.depth]) if work.funnel else [],
        {other.name: _whole(encoder, other, vectors_of(other, [grid.depth])) for other in work.others},
    )


def _ways(
    grid: Grid,
    vectors: LayerVectors,
    queries: Mapping[int, NDArray[np.float32]],
    right: RightPassages,
) -> Iterator[tuple[str, Mapping[int, float]]]:
    whole, half, width, quarter = grid.depth, grid.half, grid.width, grid.quarter

    def found(layers: int, asked: int, dimensions: int) -> NDArray[np.int64]:
        return nearest(vectors.layers[layers], queries[asked], dimensions, DEPTH, vectors.starts)

    yield f"{whole} layers, {width} dimensions", _hits(right, found(whole, whole, width))
    for name, layers in (
        (f"{half} layers", half),
        (f"questions {half} layers, passages {whole}", whole),
    ):
        yield f"{name}, {width} dimensions", _hits(right, found(layers, half, width))
        few = found(layers, half, quarter)
        yield f"{name}, {quarter} dimensions", _hits(right, few)
        again = rescored(vectors.layers[layers], queries[half], few, vectors.starts)
        yield f"{name}, {quarter} dimensions, best {few.shape[1]} rescored", _hits(right, again)


def _hits(right: RightPassages, found: NDArray[np.int64]) -> dict[int, float]:
    return {k: float(right.hits(found, k).mean()) for k in KS}


def _funnel(vectors: NDArray[np.float16], queries: NDArray[np.float32]) -> list[FunnelRow]:
    count, width = vectors.shape
    limit = min(10, count)
    return funnel_table(
        leading(vectors.astype(np.float32), width),
        queries,
        prefixes=sorted({max(LEAST_DIMENSIONS, width * share // 24) for share in _PREFIXES}),
        shortlists=[size for size in _SHORTLISTS if limit <= size <= count] or [count],
        limit=limit,
    )


def _whole(encoder: SentenceEncoder, other: QuestionSet, vectors: LayerVectors) -> dict[str, float]:
    queries = encoder.encode([question.input for question in other.questions])
    rows = vectors.layers[encoder.layers]
    return other.scores(nearest(rows, queries, encoder.dimensions, DEPTH, vectors.starts))
