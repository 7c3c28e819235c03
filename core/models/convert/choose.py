"""Looks at what a source gave and calls the converter for it."""

from __future__ import annotations

from pathlib import Path

from skerry.core.errors import InvalidInput
from skerry.core.registry import Registry

# The first pattern that matches decides: a folder with safetensors needs nothing but copying.
_PATTERNS = (
    ("*.safetensors", "safetensors"),
    ("*.gguf", "gguf"),
    ("*_emb.npy", "glove-array"),
    ("glove*.txt", "glove-text"),
)
CONVERTERS: Registry[object] = Registry(
    "model converter",
    {
        "safetensors": "skerry.core.models.convert.safetensors:convert",
        "gguf": "skerry.core.models.convert.gguf:convert",
        "glove-array": "skerry.core.models.convert.glove:convert_array",
        "glove-text": "skerry.core.models.convert.glove:convert_text",
    },
)


def convert(raw: Path, out: Path) -> str:
    """Write the plain model folder `out` from `raw`; returns the converter's name.

    Raises:
        InvalidInput: nothing in `raw` is in a format that can be read safely.
    """
    for pattern, name in _PATTERNS:
        if next(raw.glob(pattern), None) is not None:
            CONVERTERS.load(name)(raw, out)  # type: ignore[operator]
            return name
    raise InvalidInput(
        f"{raw} has no weights in a known format ({', '.join(pattern for pattern, _ in _PATTERNS)}).",
        hint="Pickled weights (*.bin, *.pt) are not loaded; save them as safetensors first.",
        details={"path": str(raw)},
    )
