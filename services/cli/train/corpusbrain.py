"""`skerry train corpusbrain`: teach the page memory of an index how questions are put."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from skerry.services.cli.train.record import keep_record

_TESTED = 500
_CHOOSING = 2000


@click.command("corpusbrain", short_help="Fine-tune CorpusBrain on questions.")
@click.option(
    "--corpus",
    "index_folder",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of an index with the corpusbrain leg.",
)
@click.option(
    "--queries",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="KILT gold file: questions with the pages that answer them.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the model."
)
@click.option(
    "--questions", default=12_000, show_default=True, type=click.IntRange(1), help="Training questions."
)
@click.option(
    "--held-out", default=0.05, show_default=True, type=click.FloatRange(0, 0.5), help="Share of the pages."
)
@click.option("--learning-rate", default=5e-4, show_default=True, type=click.FloatRange(0, 1, min_open=True))
@click.option(
    "--passes",
    default=3,
    show_default=True,
    type=click.IntRange(1, 100),
    help="Over the questions, at most: held-out pages choose.",
)
@click.option("--batch", default=128, show_default=True, type=click.IntRange(1), help="Questions a step.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of all that is drawn.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def corpusbrain(
    index_folder: Path,
    queries: Path,
    out: Path,
    questions: int,
    held_out: float,
    learning_rate: float,
    passes: int,
    batch: int,
    seed: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Teach the page memory of an index how questions are put; its slots and the title model stay.

    Whole pages are held out: some choose the passes and how much is corrected for how often a page comes up,
    others are for the printed page R-precision. An index uses the result when it is built with --set
    corpusbrain.weights=FOLDER.
    """
    from dataclasses import asdict

    from skerry.core.errors import InvalidInput
    from skerry.core.models.store import ModelStore
    from skerry.core.progress import default_progress
    from skerry.evaluation.gold import read_gold
    from skerry.evaluation.page_questions import page_questions, split_questions
    from skerry.retrieval.corpusbrain.fine_tuning import FineTuning
    from skerry.retrieval.corpusbrain.memory.fit import FitSettings
    from skerry.retrieval.index.reader import Index

    settings = FitSettings(passes, learning_rate, batch, seed)
    with Index.open(index_folder, models=ModelStore()) as index:
        known = page_questions(read_gold(queries), index.passages)
        if not known:
            raise InvalidInput(
                f"{queries} has no question whose pages are in the index {index_folder}.",
                hint="Give the gold file of this corpus.",
            )
        rest, testing = split_questions(known, held_out, seed)
        training, choosing = split_questions(rest, held_out, seed)
        result = FineTuning(index).train(
            training[:questions],
            choosing[:_CHOOSING],
            testing[:_TESTED],
            out,
            settings,
            default_progress(quiet),
        )
    record = asdict(result) | {"settings": asdict(settings)}
    keep_record(out, record)
    if as_json:
        click.echo(json.dumps(record))
        return
    click.echo(
        f"learnt from {result.questions} questions: {result.passes} passes, correction {result.strength:g}, "
        f"chosen by {result.chosen_by} questions of other pages"
    )
    if result.tested:
        click.echo(
            f"held out    {result.tested} questions of unseen pages: page R-precision {result.before:.3f} "
            f"before, {result.after:.3f} after"
        )
    print(f"The model is in {out}.", file=sys.stderr)
