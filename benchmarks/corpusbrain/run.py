"""`skerry bench corpusbrain`: one table over one or several indexes of the same corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from skerry.benchmarks.corpusbrain.pages import COLUMNS, page_rows, systems
from skerry.core.models.store import ModelStore
from skerry.core.progress import Progress
from skerry.evaluation.gold import Record
from skerry.evaluation.table import Row, ScoreTable
from skerry.retrieval.corpusbrain.options import LEG
from skerry.retrieval.index.reader import Index


def run(
    indexes: Mapping[str, Path], questions: Sequence[Record], beams: int, title: str, progress: Progress
) -> ScoreTable:
    """Every leg, titles alone and fusions of the first index; of the others what is CorpusBrain's.

    Args:
        indexes: by the name that stands before the rows.
        questions: KILT gold.
        beams: of CorpusBrain.
        title: what was measured on what.

    Raises:
        IndexNotReady, IndexCorrupt: an index that cannot be opened.
    """
    rows: list[Row] = []
    for number, (name, folder) in enumerate(indexes.items()):
        with Index.open(folder, models=ModelStore()) as index:
            asked = systems(f"{name}: " if name else "", index.legs, beams)
            if number:
                asked = [one for one in asked if len(one.legs) == 1 and one.legs[0].name == LEG]
            rows += page_rows(index, asked, questions, progress)
    return ScoreTable(f"{title}: {len(questions):,} questions", COLUMNS, rows)
