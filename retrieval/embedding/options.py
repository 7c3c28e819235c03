"""What a caller may ask of the dense leg, by the names that the gRPC contract has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skerry.core.errors import IndexNotReady
from skerry.retrieval.base import Option
from skerry.retrieval.embedding.shape import Shape
from skerry.retrieval.options import check_option_names, integer_option, number_option

if TYPE_CHECKING:
    from skerry.retrieval.embedding.spec import SearchOptions

LEAST_DIMENSIONS = 8
_LEG = "dense"


@dataclass(frozen=True, slots=True)
class DenseOptions:
    """The leg's knobs, checked.

    Attributes:
        layers: how deep the encoder runs for the query.
        document_layers: of which depth's vectors the passages are.
        search: how the vectors are searched.
    """

    layers: int
    document_layers: int
    search: SearchOptions

    @classmethod
    def of(cls, options: Mapping[str, Option], shape: Shape) -> DenseOptions:
        """The options that a request gives, and the defaults for the rest, for an index of this shape.

        Raises:
            InvalidInput: an unknown option, or a value it cannot take.
            IndexNotReady: a depth of which this index has no vectors.
        """
        from skerry.retrieval.embedding.spec import SearchOptions

        most = shape.dimensions
        known = {
            "layers": f"whole number from 1 to {shape.depth}",
            "document_layers": f"one of {', '.join(map(str, shape.layers))}",
            "dimensions": f"whole number from {LEAST_DIMENSIONS} to {most}",
            "rescore_dimensions": f"whole number from {LEAST_DIMENSIONS} to {most}",
            "oversample": "number from 1 to 100",
        }
        if shape.kind == "hnsw":
            known["ef_search"] = "whole number from 1 to 10000"
        if shape.kind == "ivf":
            known["nprobe"] = "whole number from 1 to 1000000"
        check_option_names(_LEG, options, known)

        def whole(name: str, low: int, high: int) -> int | None:
            if name not in options:
                return None
            return integer_option(_LEG, options, name, default=low, low=low, high=high)

        layers, document_layers = _depths(
            whole("layers", 1, shape.depth), whole("document_layers", 1, shape.depth), shape
        )
        usual = SearchOptions()
        dimensions = whole("dimensions", LEAST_DIMENSIONS, most)
        oversample = number_option(_LEG, options, "oversample", default=usual.oversample, low=1, high=100)
        search = SearchOptions(
            dimensions=dimensions,
            rescore_dimensions=whole("rescore_dimensions", dimensions or most, most),
            oversample=oversample,
            ef_search=whole("ef_search", 1, 10_000) or usual.ef_search,
            nprobe=whole("nprobe", 1, 1_000_000) or usual.nprobe,
        )
        return cls(layers, document_layers, search)


def _depths(layers: int | None, document_layers: int | None, shape: Shape) -> tuple[int, int]:
    """The query's depth and the passages': the same unless both are said or the index has not the query's."""
    if document_layers is None:
        document_layers = layers if layers in shape.layers else max(shape.layers)
    if document_layers not in shape.layers:
        raise IndexNotReady(
            f"This index has no vectors of {document_layers} layers; it has those of "
            f"{', '.join(map(str, shape.layers))}.",
            hint=f"Leave dense.document_layers out, or build the index with dense.layers={document_layers}.",
            details={"leg": _LEG, "option": "document_layers"},
        )
    return document_layers if layers is None else layers, document_layers
