"""The chosen peers, loaded with the weights that transformers computes with, for as long as a block lasts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from skerry.benchmarks.ttft.peers.gguf_file import write_gguf
from skerry.benchmarks.ttft.peers.kinds import Chosen
from skerry.benchmarks.ttft.peers.process import PeerProcess
from skerry.core.models.store import Model
from skerry.core.progress import Progress


@contextmanager
def running(
    chosen: Sequence[Chosen], model: Model, weights: Any, processors: int, context: int, progress: Progress
) -> Iterator[list[PeerProcess]]:
    """They inherit this thread's processors and use a thread for each.

    Args:
        weights: transformers' model.
        context: tokens of the longest prompt, and one more.

    Raises:
        InvalidInput: the model cannot be written for one.
        BackendUnavailable: one does not start; the disk is full.
    """
    settings = {
        "dtype": str(weights.dtype).removeprefix("torch."),
        "threads": processors,
        "context": context,
    }
    with ExitStack() as stack, progress.task("peers", len(chosen), "started") as task:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        peers = []
        for one in chosen:
            source = model.folder
            if one.kind.reads == "gguf":
                source = folder / f"{one.name}.gguf"
                write_gguf(weights, source)
            peers.append(
                stack.enter_context(
                    PeerProcess(
                        one.name,
                        one.python,
                        Path(__file__).parent / one.kind.file,
                        {**settings, "weights": str(source)},
                        {"OMP_NUM_THREADS": str(processors)},
                    )
                )
            )
            task.advance()
        yield peers
