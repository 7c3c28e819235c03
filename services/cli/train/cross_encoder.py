"""`skerry train ranker cross-encoder`: the adapter and head of the cross-encoder."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from skerry.services.cli.legs import leg_names
from skerry.services.cli.train.ranker_questions import HELD_OUT_DEPTH, MINED, show, split_questions
from skerry.services.cli.train.record import keep_record


@click.command("cross-encoder")
@click.option("--corpus", "index_folder", required=True, type=click.Path(path_type=Path), help="Index.")
@click.option(
    "--gold", required=True, type=click.Path(path_type=Path, dir_okay=False), help="KILT gold file."
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the trained ranker.",
)
@click.option("--base", default="all-MiniLM-L6-v2", show_default=True, help="Encoder to adapt.")
@click.option(
    "--questions", default=15_000, show_default=True, type=click.IntRange(1), help="Training questions."
)
@click.option("--legs", default="bm25,dense", show_default=True, help="Legs that find the hard negatives.")
@click.option(
    "--held-out", default=0.05, show_default=True, type=click.FloatRange(0, 0.5), help="Share of the pages."
)
@click.option("--rank", default=32, show_default=True, type=click.IntRange(1, 256), help="Of the adapter.")
@click.option("--learning-rate", default=1e-3, show_default=True, type=click.FloatRange(0, 1, min_open=True))
@click.option(
    "--negatives", default=5, show_default=True, type=click.IntRange(1, 30), help="Negatives a question."
)
@click.option("--batch", default=8, show_default=True, type=click.IntRange(1), help="Questions a step.")
@click.option(
    "--epochs", default=1, show_default=True, type=click.IntRange(1), help="Passes over the questions."
)
@click.option("--seed", default=0, show_default=True)
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def cross_encoder(
    index_folder: Path,
    gold: Path,
    out: Path,
    base: str,
    questions: int,
    legs: str,
    held_out: float,
    rank: int,
    learning_rate: float,
    negatives: int,
    batch: int,
    epochs: int,
    seed: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train the cross-encoder's low-rank adapter, head and calibration.

    Whole pages are held out for the calibration and the printed scores. Stopped at any moment, the same
    command goes on from its last checkpoint.
    """
    from dataclasses import asdict

    from skerry.core.models.store import ModelStore
    from skerry.core.progress import default_progress
    from skerry.ranking.training.cross_encoder import CrossEncoderTrainer, Settings
    from skerry.ranking.training.examples import mine
    from skerry.retrieval.index.reader import Index
    from skerry.retrieval.pipeline import RetrievalPipeline

    progress = default_progress(quiet)
    store = ModelStore()
    settings = Settings(
        rank=rank,
        learning_rate=learning_rate,
        queries=batch,
        negatives=negatives,
        epochs=epochs,
        seed=seed,
    )
    with Index.open(index_folder, models=store) as index:
        training, testing = split_questions(gold, index, questions, held_out, seed)
        names = leg_names(legs)
        trainer = CrossEncoderTrainer(store.resolve(base), index.passages, out, settings)
        with RetrievalPipeline(index) as pipeline:
            trainer.train(list(mine(training, pipeline, names, MINED, progress)), progress)
            scores = trainer.finish(
                list(mine(testing, pipeline, names, HELD_OUT_DEPTH, progress)), HELD_OUT_DEPTH, progress
            )
    record = {"questions": len(training), "settings": asdict(settings), "scores": asdict(scores)}
    keep_record(out, record)
    if as_json:
        click.echo(json.dumps(record))
        return
    show(scores)
    print(f"The ranker is in {out}.", file=sys.stderr)
