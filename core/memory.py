"""Freed memory goes back to the system."""

from __future__ import annotations

import ctypes
import sys


def give_back_freed_memory() -> None:
    """Let the C library return what was freed to the system; nothing where it has no such call.

    glibc keeps what a thread frees, for the thread's own next needs. A language model's batches differ in
    size from one to the next, so that what is kept fits badly and grows. The call takes milliseconds.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
