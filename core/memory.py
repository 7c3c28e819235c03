"""Memory that libraries keep for themselves: freed blocks, and kernels made for single shapes."""

from __future__ import annotations

import ctypes
import os
import sys

_KERNELS_KEPT = "32"


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


def keep_few_kernels() -> None:
    """Have torch keep the last 32 kernels that it made for single shapes, instead of 1,024 twice.

    In bf16 on a CPU it makes some for every length of a prompt and finds them again only for a prompt as
    long, so that a server grows with every new length. A token's own, and those of the prompt that is being
    read, are among the last. It works before the process's first multiplication in bf16; what the environment
    says comes first.
    """
    for name in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(name, _KERNELS_KEPT)
