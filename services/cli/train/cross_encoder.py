"""`skerry train ranker cross-encoder`: the adapter and head of the cross-encoder."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click


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
    seed: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train the cross-encoder's low-rank adapter, head and calibration.

    Whole pages are held out for the calibration and the printed scores. Stopped at any moment, the same
    command goes on from its last checkpoint.
    """
    import random
    from dataclasses import asdict

    from skerry.core.errors import InvalidInput
    from skerry.core.files import write_atomically
    from skerry.core.models.store import ModelStore
    from skerry.core.progress import default_progress
    from skerry.evaluation.gold import read_gold
    from skerry.evaluation.ranking_questions import ranking_questions
    from skerry.ranking.training.cross_encoder import CrossEncoderTrainer, Settings
    from skerry.ranking.training.examples import mine, split_by_page
    from skerry.retrieval.index.reader import Index
    from skerry.retrieval.pipeline import RetrievalPipeline

    progress = default_progress(quiet)
    store = ModelStore()
    settings = Settings(rank=rank, learning_rate=learning_rate, queries=batch, negatives=negatives, seed=seed)
    with Index.open(index_folder, models=store) as index:
        known = ranking_questions(read_gold(gold), index.passages)
        training, testing = split_by_page(known, held_out, seed)
        rng = random.Random(seed)
        training = rng.sample(training, min(questions, len(training)))
        testing = rng.sample(testing, min(300, len(testing)))
        if len(testing) < 2:
            raise InvalidInput(
                f"{gold} has {len(known)} questions whose evidence is in the index, of which {len(testing)} "
                "would be held out; the calibration needs at least two.",
                hint="Give more questions, or hold out more pages with --held-out.",
            )
        names = [name.strip() for name in legs.split(",") if name.strip()]
        trainer = CrossEncoderTrainer(store.resolve(base), index.passages, out, settings)
        with RetrievalPipeline(index) as pipeline:
            trainer.train(list(mine(training, pipeline, names, 30, progress)), progress)
            scores = trainer.finish(list(mine(testing, pipeline, names, 50, progress)), 50, progress)
    record = {"questions": len(training), "settings": asdict(settings), "scores": asdict(scores)}
    write_atomically(out / "training.json", json.dumps(record, indent=2, sort_keys=True).encode() + b"\n")
    if as_json:
        click.echo(json.dumps(record))
        return
    click.echo(
        f"held out    {scores.questions} questions of unseen pages, {scores.depth} candidates each\n"
        f"hit@1       {scores.first_hit_at_1:.3f} fused, {scores.reading_hit_at_1:.3f} by reading alone, "
        f"{scores.hit_at_1:.3f} ranked\n"
        f"hit@5       {scores.first_hit_at_5:.3f} fused, {scores.reading_hit_at_5:.3f} by reading alone, "
        f"{scores.hit_at_5:.3f} ranked\n"
        f"calibration {scores.calibration_error:.3f} expected error"
    )
    print(f"The ranker is in {out}.", file=sys.stderr)
