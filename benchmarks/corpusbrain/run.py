"""`skerry bench corpusbrain`: one table over one or several indexes of the same corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from skerry.benchmarks.corpusbrain.language_model import language_model_rows
from skerry.benchmarks.corpusbrain.pages import COLUMNS, about_pages, page_rows, systems
from skerry.core.errors import InvalidInput
from skerry.core.models.store import ModelStore
from skerry.core.progress import Progress
from skerry.evaluation.gold import Record
from skerry.evaluation.table import Row, ScoreTable
from skerry.retrieval.corpusbrain.options import LEG
from skerry.retrieval.index.reader import Index


def run(
    indexes: Mapping[str, Path],
    questions: Sequence[Record],
    beams: int,
    adapters: Sequence[str],
    title: str,
    progress: Progress,
) -> ScoreTable:
    """Every leg, titles alone and fusions of the first index; of the others what is CorpusBrain's.

    Questions are asked whose pages every index has: so old pages' figures are compared before and after
    others came to them.

    Args:
        indexes: by the name that stands before the rows.
        questions: KILT gold.
        beams: of CorpusBrain.
        adapters: of the language models that name the first index's pages as well: "shipped", "none" or
            folders that `skerry train seal` left.
        title: what was measured on what.

    Raises:
        IndexNotReady, IndexCorrupt: an index that cannot be opened.
        InvalidInput: no question is about pages that every index has.
    """
    asked_of_all = questions
    for folder in indexes.values():
        with Index.open(folder) as index:
            asked_of_all = about_pages(asked_of_all, index.passages)
    if not asked_of_all:
        all_of_them = ", ".join(map(str, indexes.values()))
        raise InvalidInput(
            f"None of {len(questions)} questions is about pages that {all_of_them} have.",
            hint="Give the gold file of this corpus.",
        )
    rows: list[Row] = []
    for number, (name, folder) in enumerate(indexes.items()):
        with Index.open(folder, models=ModelStore()) as index:
            memory = LEG in index.legs and bool(index.manifest.legs[LEG].parameters.get("memory"))
            asked = systems(f"{name}: " if name else "", index.legs, beams, memory)
            if number:
                asked = [one for one in asked if len(one.legs) == 1 and one.legs[0].name == LEG]
            rows += page_rows(index, asked, asked_of_all, progress)
            if not number:
                rows += language_model_rows(adapters, index.passages, asked_of_all, progress)
    return ScoreTable(f"{title}: {len(asked_of_all):,} questions", COLUMNS, rows)
