"""Plots as PNG files, by matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from skerry.core.errors import BackendUnavailable
from skerry.core.files import atomic_writer, naming_full_disk

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 130


def check_matplotlib(otherwise: str = "leave --plot out") -> None:
    """Raise `BackendUnavailable` where there is none.

    Args:
        otherwise: what one may do instead of installing it.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ModuleNotFoundError as error:
        raise BackendUnavailable(
            "Plots need matplotlib, which is not installed.",
            hint=f"Install it with `pip install -e '.[bench]'` in the source tree, or {otherwise}.",
            details={"package": "matplotlib"},
        ) from error


def save(figure: Figure, path: Path) -> Path:
    """Write the figure to `path`. Raises `BackendUnavailable` where nothing can be written."""
    with naming_full_disk(path.parent), atomic_writer(path) as file:
        figure.savefig(file, format="png", dpi=_DPI)
    return path
