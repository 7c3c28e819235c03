"""`skerry train seal`: the adapter of SEAL's language model."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skerry.services.cli.train.record import keep_record

if TYPE_CHECKING:
    from skerry.retrieval.corpus.store import PassageStore


@click.command("seal", short_help="Train SEAL's language model: a low-rank adapter.")
@click.option(
    "--corpus",
    "index_folder",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of the index whose passages are learnt from; any legs.",
)
@click.option(
    "--gold",
    type=click.Path(path_type=Path, dir_okay=False),
    help="KILT gold file; without one, the corpus's own passages are learnt from alone.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the adapter."
)
@click.option("--base", default="SmolLM2-135M-Instruct", show_default=True, help="Causal model to adapt.")
@click.option(
    "--questions", default=20_000, show_default=True, type=click.IntRange(1), help="Training questions."
)
@click.option(
    "--unsupervised",
    default=3_000,
    show_default=True,
    type=click.IntRange(0),
    help="Stretches of passages in the place of questions.",
)
@click.option(
    "--pages",
    type=click.Choice(["gold", "all"]),
    default="all",
    show_default=True,
    help="Whose stretches: the pages of the training questions, or all but the held-out ones.",
)
@click.option(
    "--held-out", default=0.05, show_default=True, type=click.FloatRange(0, 0.5), help="Share of the pages."
)
@click.option("--rank", default=12, show_default=True, type=click.IntRange(1, 256), help="Of the adapter.")
@click.option(
    "--learning-rate",
    default=1e-3,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="At its peak.",
)
@click.option(
    "--ngrams",
    default=8,
    show_default=True,
    type=click.IntRange(1, 64),
    help="N-grams of the passage that a question is shown with.",
)
@click.option("--batch", default=16, show_default=True, type=click.IntRange(1), help="Questions a step.")
@click.option(
    "--compiled", is_flag=True, help="Compile the model first (needs a C++ compiler): 1.4 x faster."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of all that is drawn.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def seal(
    index_folder: Path,
    gold: Path | None,
    out: Path,
    base: str,
    questions: int,
    unsupervised: int,
    pages: str,
    held_out: float,
    rank: int,
    learning_rate: float,
    ngrams: int,
    batch: int,
    compiled: bool,
    seed: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train SEAL's language model to generate words of the answering passage, as a low-rank adapter.

    Whole pages are held out for the printed losses. Stopped at any moment, the same command goes on from its
    last checkpoint. An index uses the adapter when it is built with --set seal.adapter=FOLDER.
    """
    import random
    from dataclasses import asdict

    from skerry.core.errors import InvalidInput
    from skerry.core.models.store import ModelStore
    from skerry.core.progress import default_progress
    from skerry.evaluation.gold import read_gold
    from skerry.evaluation.ranking_questions import ranking_questions
    from skerry.ranking.training.examples import split_by_page
    from skerry.retrieval.index.reader import Index
    from skerry.retrieval.seal.training.pairs import Pair, unsupervised_pairs
    from skerry.retrieval.seal.training.trainer import SealTrainer, Settings

    progress = default_progress(quiet)
    store = ModelStore()
    settings = Settings(
        rank=rank, learning_rate=learning_rate, pairs=batch, ngrams=ngrams, compiled=compiled, seed=seed
    )
    with Index.open(index_folder, models=store) as index:
        known = ranking_questions(read_gold(gold), index.passages) if gold else []
        if gold and not known:
            raise InvalidInput(
                f"{gold} has no question whose evidence is in the index {index_folder}.",
                hint="Give the gold file of this corpus, or none to learn from the passages alone.",
            )
        training, testing = split_by_page(known, held_out, seed) if known else ([], [])
        rng = random.Random(seed)
        asked = rng.sample(training, min(questions, len(training)))
        tested = rng.sample(testing, min(300, len(testing)))
        usable = _ordinals(
            index.passages,
            {question.page_id for question in training} if gold and pages == "gold" else None,
            {question.page_id for question in testing},
        )
        pairs = [Pair(question.query, question.positive) for question in asked]
        pairs += unsupervised_pairs(index.passages, usable, unsupervised, seed)
        trainer = SealTrainer(store.resolve(base), index.passages, out, settings)
        held = [Pair(question.query, question.positive) for question in tested]
        before = trainer.loss(held, progress) if held else None
        trainer.train(pairs, progress)
        after = trainer.loss(held, progress) if held else None
        trainer.save()
    record = {
        "questions": len(asked),
        "unsupervised": len(pairs) - len(asked),
        "settings": asdict(settings),
        "held_out": {"questions": len(held), "loss_before": before, "loss_after": after},
    }
    keep_record(out, record)
    if as_json:
        click.echo(json.dumps(record))
        return
    click.echo(f"learnt from {len(asked)} questions and {len(pairs) - len(asked)} stretches of passages")
    if before is not None and after is not None:
        click.echo(
            f"held out    {len(held)} questions of unseen pages: {before:.3f} nats a token before, "
            f"{after:.3f} after"
        )
    print(f"The adapter is in {out}.", file=sys.stderr)


def _ordinals(passages: PassageStore, only: set[str] | None, without: set[str]) -> list[int]:
    """Ordinals of the passages of pages in `only` (None: of all), except those of pages in `without`."""
    hidden = set(passages.page_ordinals(without).tolist())
    found = range(len(passages)) if only is None else passages.page_ordinals(only).tolist()
    return [ordinal for ordinal in found if ordinal not in hidden]
