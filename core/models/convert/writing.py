"""Writing a safetensors file so that a full disk is told as one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skerry.core.errors import BackendUnavailable


@contextmanager
def writing_tensors(path: Path) -> Iterator[None]:
    """Turn safetensors' own error, which it raises for a failed write too, into `BackendUnavailable`."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        raise BackendUnavailable(
            f"Writing {path} failed: {error}.",
            hint="Free space, or choose another folder with SKERRY_MODELS, and pull again.",
            details={"path": str(path)},
        ) from error
