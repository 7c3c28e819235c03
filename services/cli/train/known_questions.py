"""The questions of a gold file that an index has the evidence of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skerry.ranking.training.examples import Question
    from skerry.retrieval.index.reader import Index


def known_questions(gold: Path, index: Index) -> list[Question]:
    """All of them.

    Raises:
        InvalidInput: a gold file that cannot be read, or that has none.
    """
    from skerry.core.errors import InvalidInput
    from skerry.evaluation.gold import read_gold
    from skerry.evaluation.ranking_questions import ranking_questions

    known = ranking_questions(read_gold(gold), index.passages)
    if not known:
        raise InvalidInput(
            f"{gold} has no question whose evidence is in the index {index.folder}.",
            hint="Give the gold file of this corpus.",
        )
    return known
