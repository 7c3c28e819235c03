"""faiss, or an error that says how to install it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from skerry.core.errors import BackendUnavailable

try:
    faiss: Any = import_module("faiss")  # its own type stubs lack half of what is used here
except ModuleNotFoundError as error:
    raise BackendUnavailable(
        "The dense leg needs faiss, which is not installed.",
        hint="Install it with `pip install 'skerry[cpu]'` (or 'skerry[gpu]').",
        details={"package": "faiss-cpu"},
    ) from error


@contextmanager
def one_thread() -> Iterator[None]:
    """faiss on one thread: graphs and lists then come out the same every time."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
