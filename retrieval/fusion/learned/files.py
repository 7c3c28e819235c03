"""A learnt fusion on disk, beside the versions of the index that it is of: fusion/config.json, trees."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skerry.core.errors import IndexCorrupt, IndexNotReady
from skerry.core.files import naming_full_disk, write_atomically
from skerry.retrieval.fusion.learned.base import LearnedFusion
from skerry.retrieval.fusion.learned.convex import LearnedConvex
from skerry.retrieval.fusion.learned.lambdamart import LambdaMart

_FORMAT = 1
_FOLDER, _CONFIG, _TREES = "fusion", "config.json", "trees.txt"
_TRAIN = "skerry train fusion --corpus {index} --gold FILE"


def save_learned(index: Path, fusion: LearnedConvex | LambdaMart, report: Mapping[str, Any]) -> Path:
    """Write it into the index's folder, with what the training says of it; returns its folder.

    Raises:
        BackendUnavailable: the folder cannot be written.
    """
    folder = index / _FOLDER
    fields: dict[str, Any] = {"format": _FORMAT, "method": fusion.method, "legs": list(fusion.legs)}
    with naming_full_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(fusion, LambdaMart):
            trees = fusion.model.encode()
            write_atomically(folder / _TREES, trees)
            fields["trees_sha256"] = hashlib.sha256(trees).hexdigest()
        else:
            fields["weights"] = list(fusion.weights)
        write_atomically(
            folder / _CONFIG, json.dumps(fields | {"training": dict(report)}, indent=2).encode() + b"\n"
        )
    return folder


def load_learned(index: Path) -> LearnedFusion:
    """The fusion of the index in that folder.

    Raises:
        IndexNotReady: it has none.
        IndexCorrupt: a damaged one.
        BackendUnavailable: it is LambdaMART, and LightGBM is not installed.
    """
    path = index / _FOLDER / _CONFIG
    if not path.is_file():
        raise IndexNotReady(
            f"The index {index} has no learnt fusion.", hint=f"Train one: `{_TRAIN.format(index=index)}`."
        )
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields["format"] != _FORMAT:
            raise ValueError(f"it is of another format than {_FORMAT}")
        legs = tuple(map(str, fields["legs"]))
        if fields["method"] == "convex":
            weights = tuple(map(float, fields["weights"]))
            if len(weights) != len(legs) or not min(weights) >= 0 or not sum(weights) > 0:
                raise ValueError(f"its weights are {weights} for the legs {legs}")
            return LearnedConvex(legs, weights)
        trees = (path.parent / _TREES).read_bytes()
        if hashlib.sha256(trees).hexdigest() != fields["trees_sha256"]:
            raise ValueError(f"the checksum of {_TREES} is not the one it says")
        return LambdaMart(legs, trees.decode())
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise IndexCorrupt(
            f"The learnt fusion {path} cannot be used: {error}.",
            hint=f"Train it again: `{_TRAIN.format(index=index)}`.",
            details={"path": str(path)},
        ) from error
