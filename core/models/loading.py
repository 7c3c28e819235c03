"""Weights of transformers' models, loaded by one thread at a time."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from skerry.core.memory import keep_few_kernels

_ONE = threading.Lock()


def load_weights(kind: Any, folder: Path, **options: Any) -> Any:
    """`kind.from_pretrained` of a folder, never from a network, while no other thread does the same.

    transformers changes settings of the whole process while it builds a model: of two that are built at once,
    one may be left without weights, and so may all that are built afterwards.

    Args:
        kind: one of transformers' model classes.
        folder: of the model.
        options: as `from_pretrained` takes them.
    """
    from transformers.utils import logging

    # Its bars would stand between ours, and go to standard error where nobody asked for progress.
    logging.disable_progress_bar()
    keep_few_kernels()
    with _ONE:
        return kind.from_pretrained(folder, local_files_only=True, **options)
