"""llama.cpp, by llama-cpp-python; loaded by `answer.py`, in the peer's environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def load(settings: dict[str, Any]) -> tuple[str, Callable[[list[int]], int]]:
    """The engine with its defaults; see `answer.py`."""
    import llama_cpp

    llama = llama_cpp.Llama(
        settings["weights"],
        n_ctx=settings["context"],
        n_threads=settings["threads"],
        n_threads_batch=settings["threads"],
        n_gpu_layers=0,
        verbose=False,
    )

    def first_token(tokens: list[int]) -> int:
        llama.reset()
        llama.eval(tokens)
        return int(llama.sample(temp=0.0))

    return llama_cpp.__version__, first_token
