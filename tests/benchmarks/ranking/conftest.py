"""The tiny ranker of the ranking room, and an index and questions for it."""

from __future__ import annotations

from ...ranking.conftest import base, index, ranker_folder, store  # noqa: TID252 -- another room's ranker

__all__ = ["base", "index", "ranker_folder", "store"]
