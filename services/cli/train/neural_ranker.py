"""`skerry train ranker NAME`: the neural rankers, small models over frozen word vectors."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from skerry.services.cli.legs import leg_names
from skerry.services.cli.train.ranker_questions import HELD_OUT_DEPTH, MINED, show, split_questions
from skerry.services.cli.train.record import keep_record


def _sizes(context: click.Context, option: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """`kernels=21`: a name and its value."""
    sizes = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals:
            raise click.BadParameter(f"{value!r} is not of the form OPTION=VALUE, such as kernels=21.")
        sizes[name.strip()] = text
    return sizes


_OPTIONS: tuple[Callable[[Callable[..., None]], Callable[..., None]], ...] = (
    click.option("--corpus", "index_folder", required=True, type=click.Path(path_type=Path), help="Index."),
    click.option(
        "--gold", required=True, type=click.Path(path_type=Path, dir_okay=False), help="KILT gold file."
    ),
    click.option(
        "--out",
        required=True,
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder for the trained ranker.",
    ),
    click.option("--vectors", default="glove-6b-50d", show_default=True, help="Word vectors to read by."),
    click.option(
        "--questions", default=15_000, show_default=True, type=click.IntRange(1), help="Training questions."
    ),
    click.option("--legs", default="bm25", show_default=True, help="Legs that find the hard negatives."),
    click.option(
        "--held-out",
        default=0.05,
        show_default=True,
        type=click.FloatRange(0, 0.5),
        help="Share of the pages.",
    ),
    click.option(
        "--objective",
        default="softmax",
        show_default=True,
        help="cross-entropy, hinge, list-mle, ranknet or softmax.",
    ),
    click.option(
        "--learning-rate", type=click.FloatRange(0, 1, min_open=True), help="At its peak; the model's own."
    ),
    click.option("--epochs", default=8, show_default=True, type=click.IntRange(1), help="Passes at most."),
    click.option(
        "--hard", default=4, show_default=True, type=click.IntRange(1, 30), help="Hard negatives a question."
    ),
    click.option(
        "--anywhere",
        default=2,
        show_default=True,
        type=click.IntRange(0, 30),
        help="Negatives a question from the whole corpus.",
    ),
    click.option("--batch", default=16, show_default=True, type=click.IntRange(1), help="Questions a step."),
    click.option(
        "--check-every",
        default=200,
        show_default=True,
        type=click.IntRange(1),
        help="Steps between two looks at the held-out questions.",
    ),
    click.option(
        "--patience",
        default=5,
        show_default=True,
        type=click.IntRange(1),
        help="Looks without a better one after which training ends.",
    ),
    click.option(
        "--query-terms", default=16, show_default=True, type=click.IntRange(1, 512), help="Words of a query."
    ),
    click.option(
        "--document-terms",
        default=192,
        show_default=True,
        type=click.IntRange(1, 4096),
        help="Words of a passage.",
    ),
    click.option(
        "--set",
        "sizes",
        multiple=True,
        metavar="OPTION=VALUE",
        callback=_sizes,
        help="A size of the model's own (repeatable): kernels=21, cascade=0.5,1.",
    ),
    click.option(
        "--start",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        help="A trained ranker of this kind to begin from; its sizes are taken over.",
    ),
    click.option("--seed", default=0, show_default=True, help="Of all that is drawn."),
    click.option("--quiet", is_flag=True, help="No progress."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
)


def neural_ranker(name: str) -> click.Command:
    """The command that trains the model `name` of `ranking/neural/registry.py`."""

    def command(
        index_folder: Path,
        gold: Path,
        out: Path,
        vectors: str,
        questions: int,
        legs: str,
        held_out: float,
        objective: str,
        learning_rate: float | None,
        epochs: int,
        hard: int,
        anywhere: int,
        batch: int,
        check_every: int,
        patience: int,
        query_terms: int,
        document_terms: int,
        sizes: dict[str, str],
        start: Path | None,
        seed: int,
        quiet: bool,
        as_json: bool,
    ) -> None:
        from dataclasses import asdict

        from skerry.core.models.store import ModelStore
        from skerry.core.progress import default_progress
        from skerry.ranking.neural.options import model_options
        from skerry.ranking.training.examples import mine
        from skerry.ranking.training.held_out import halves
        from skerry.ranking.training.neural import NeuralTrainer
        from skerry.ranking.training.neural_settings import Settings
        from skerry.retrieval.index.reader import Index
        from skerry.retrieval.pipeline import RetrievalPipeline

        progress = default_progress(quiet)
        store = ModelStore()
        settings = Settings(
            model=name,
            objective=objective,
            options=model_options(name, sizes),
            query_terms=query_terms,
            document_terms=document_terms,
            learning_rate=learning_rate,
            queries=batch,
            hard=hard,
            anywhere=anywhere,
            epochs=epochs,
            check_every=check_every,
            patience=patience,
            seed=seed,
        )
        with Index.open(index_folder, models=store) as index:
            training, testing = split_questions(gold, index, questions, held_out, seed)
            trainer = NeuralTrainer(store.resolve(vectors), index.passages, out, settings, progress, start)
            with RetrievalPipeline(index) as pipeline:
                examples = list(mine(training, pipeline, leg_names(legs), MINED, progress))
                tested = list(mine(testing, pipeline, leg_names(legs), HELD_OUT_DEPTH, progress))
            trainer.train(examples, halves(tested)[0], HELD_OUT_DEPTH, progress)
            scores = trainer.finish(tested, HELD_OUT_DEPTH, progress)
        record = {
            "questions": len(training),
            "settings": asdict(settings),
            "curve": [asdict(look) for look in trainer.curve],
            "scores": asdict(scores),
        }
        keep_record(out, record)
        if as_json:
            click.echo(json.dumps(record))
            return
        show(scores)
        print(f"The ranker is in {out}.", file=sys.stderr)

    command.__doc__ = f"""Train {name} on frozen word vectors.

    Whole pages are held out to see when to stop, for the calibration, and, others of them, for the printed
    scores. Stopped at any moment, the same command goes on from its last checkpoint.
    """
    made: Callable[..., None] = command
    for option in reversed(_OPTIONS):
        made = option(made)
    return click.command(name, short_help=f"Train {name}.")(made)
