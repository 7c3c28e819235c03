"""What a dense index says of itself: shape.json beside the folders of its layers' vectors."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from skerry.core.errors import IndexCorrupt
from skerry.core.files import write_atomically

_FILE = "shape.json"


@dataclass(frozen=True, slots=True)
class Shape:
    """What was indexed.

    Attributes:
        count: passages.
        dimensions: of a stored vector.
        layers: the depths of which vectors are stored, ascending.
        depth: layers of the whole encoder.
        kind: "flat", "hnsw" or "ivf".
        adapter: SHA-256 of the weights that were added to the encoder's, "" without any.
        rows: vectors of a depth, where a passage has several (`starts.py`); None: one a passage, in order.
    """

    count: int
    dimensions: int
    layers: tuple[int, ...]
    depth: int
    kind: str
    adapter: str
    rows: int | None = None

    def write(self, folder: Path) -> None:
        """Write it into the leg's folder."""
        write_atomically(folder / _FILE, json.dumps(asdict(self), sort_keys=True).encode())

    @classmethod
    def read(cls, folder: Path) -> Shape:
        """The shape of the leg in `folder`. Raises `IndexCorrupt` where there is none, or a damaged one."""
        try:
            fields = json.loads((folder / _FILE).read_bytes())
            shape = cls(**fields | {"layers": tuple(map(int, fields["layers"]))})
            if shape.rows is not None and not shape.count <= shape.rows:
                raise ValueError(f"it has {shape.rows} vectors of {shape.count} passages")
            if not 1 <= min(shape.layers) <= max(shape.layers) <= shape.depth:
                raise ValueError(f"its layers are {shape.layers} of {shape.depth}")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexCorrupt(
                f"The dense index in {folder} cannot be opened: {_FILE}: {error}.",
                hint="Build the index again.",
                details={"path": str(folder / _FILE)},
            ) from error
        return shape


def layer_folder(folder: Path, layers: int) -> Path:
    """Where the vectors of that depth lie in the leg's folder, or in a shard's."""
    return folder / f"layer-{layers}"
