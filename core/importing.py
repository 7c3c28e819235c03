"""Imports that several threads may come to at once."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def import_whole(name: str) -> Any:
    """Import a module that puts another object into its own place while it is imported; transformers does.

    A plain `import` that meets one under way in another thread waits for its end and then takes the object
    that was in the place before, which lacks most names. This takes the one that is there in the end, and so
    do plain imports after it.
    """
    return import_module(name)
