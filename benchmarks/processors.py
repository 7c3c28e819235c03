"""A measurement on fewer processors than the machine has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from skerry.core.errors import InvalidInput


@contextmanager
def on_processors(count: int | None) -> Iterator[int]:
    """Give this thread, and those it starts, `count` of its processors; all of them for None.

    Yields:
        On how many it runs.

    Raises:
        InvalidInput: more than there are.
    """
    import torch

    allowed = sorted(os.sched_getaffinity(0))
    if count is None:
        yield len(allowed)
        return
    if not 1 <= count <= len(allowed):
        raise InvalidInput(
            f"{count} processors were asked for; this process may use {len(allowed)}.",
            hint=f"Give --threads from 1 to {len(allowed)}.",
        )
    threads = torch.get_num_threads()
    os.sched_setaffinity(0, allowed[:count])
    torch.set_num_threads(count)
    try:
        yield count
    finally:
        os.sched_setaffinity(0, allowed)
        torch.set_num_threads(threads)
