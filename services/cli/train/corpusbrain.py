"""`skerry train corpusbrain`: fine-tune the title model of an index on questions."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

_TESTED = 500


@click.command("corpusbrain", short_help="Fine-tune CorpusBrain's title model on questions.")
@click.option(
    "--corpus",
    "index_folder",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of an index with the corpusbrain leg, whose model is gone on from.",
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
    "--questions", default=30_000, show_default=True, type=click.IntRange(1), help="Training questions."
)
@click.option(
    "--rehearsal",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, 100),
    help="Pairs of the corpus for each question, so that no page is forgotten.",
)
@click.option(
    "--held-out", default=0.05, show_default=True, type=click.FloatRange(0, 0.5), help="Share of the pages."
)
@click.option(
    "--learning-rate",
    default=5e-4,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="At its peak.",
)
@click.option("--epochs", default=1, show_default=True, type=click.IntRange(1, 100), help="Passes.")
@click.option("--batch", default=64, show_default=True, type=click.IntRange(1), help="Pairs a step.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of all that is drawn.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def corpusbrain(
    index_folder: Path,
    queries: Path,
    out: Path,
    questions: int,
    rehearsal: float,
    held_out: float,
    learning_rate: float,
    epochs: int,
    batch: int,
    seed: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Fine-tune the title model of an index on questions, while it rehearses the corpus.

    Whole pages are held out for the printed page R-precision. Stopped at any moment, the same command goes on
    from its last checkpoint. An index uses the result when it is built with --set corpusbrain.weights=FOLDER.
    """
    from dataclasses import asdict

    from skerry.core.errors import InvalidInput
    from skerry.core.files import write_atomically
    from skerry.core.models.store import ModelStore
    from skerry.core.progress import default_progress
    from skerry.evaluation.gold import read_gold
    from skerry.evaluation.page_questions import page_questions, split_questions
    from skerry.retrieval.corpusbrain.fine_tuning import FineTuning
    from skerry.retrieval.corpusbrain.training.settings import Settings
    from skerry.retrieval.index.reader import Index

    settings = Settings(learning_rate=learning_rate, epochs=epochs, batch=batch, seed=seed)
    with Index.open(index_folder, models=ModelStore()) as index:
        known = page_questions(read_gold(queries), index.passages)
        if not known:
            raise InvalidInput(
                f"{queries} has no question whose pages are in the index {index_folder}.",
                hint="Give the gold file of this corpus.",
            )
        training, testing = split_questions(known, held_out, seed)
        result = FineTuning(index).train(
            training[:questions], testing[:_TESTED], out, settings, rehearsal, default_progress(quiet)
        )
    record = asdict(result) | {"settings": asdict(settings)}
    write_atomically(out / "training.json", json.dumps(record, indent=2, sort_keys=True).encode() + b"\n")
    if as_json:
        click.echo(json.dumps(record))
        return
    click.echo(f"learnt from {result.questions} questions and {result.texts} texts of the corpus")
    if result.tested:
        click.echo(
            f"held out    {result.tested} questions of unseen pages: page R-precision {result.before:.3f} "
            f"before, {result.after:.3f} after"
        )
    print(f"The model is in {out}.", file=sys.stderr)
