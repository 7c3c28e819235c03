"""`skerry train embedding`: an adapter that makes a sentence encoder elastic in depth and width."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skerry.services.cli.train.known_questions import known_questions
from skerry.services.cli.train.record import keep_record

if TYPE_CHECKING:
    from skerry.core.progress import Progress
    from skerry.ranking.training.examples import Question
    from skerry.retrieval.embedding.training.examples import Example
    from skerry.retrieval.embedding.training.held_out import PairScores
    from skerry.retrieval.index.reader import Index

_NEGATIVES = 12
_DEPTH = 30
_HELD_OUT = 300
_OTHERS = 1000


def _pairs(context: click.Context, option: click.Parameter, value: str) -> tuple[tuple[int, int], ...]:
    """`1x24,2x48`: layers and dimensions."""
    pairs = []
    for part in value.split(","):
        layers, _, dimensions = part.strip().partition("x")
        if not (layers.isdecimal() and dimensions.isdecimal()):
            raise click.BadParameter(f"{part.strip()!r} is not of the form LAYERSxDIMENSIONS, such as 3x96.")
        pairs.append((int(layers), int(dimensions)))
    return tuple(pairs)


def _ranks(context: click.Context, option: click.Parameter, value: str) -> tuple[int, ...]:
    """`96,96,64`: whole numbers above 0."""
    parts = [part.strip() for part in value.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= 1024 for part in parts):
        raise click.BadParameter(f"{value!r} is no list of ranks from 1 to 1024, such as 96,64.")
    return tuple(int(part) for part in parts)


def _sources(
    context: click.Context, option: click.Parameter, values: Sequence[str]
) -> list[tuple[str, Path]]:
    """`kilt=articles.jsonl.gz`: a corpus's format and path."""
    sources = []
    for value in values:
        corpus_format, equals, path = value.partition("=")
        if not equals:
            raise click.BadParameter(f"{value!r} is not of the form FORMAT=PATH, such as beir=scifact.")
        sources.append((corpus_format, Path(path)))
    return sources


@click.command("embedding", short_help="Train elastic embeddings: a low-rank adapter.")
@click.option(
    "--corpus",
    "index_folder",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of an index with the bm25 leg, which finds the hard negatives.",
)
@click.option(
    "--gold", required=True, type=click.Path(path_type=Path, dir_okay=False), help="KILT gold file."
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the adapter."
)
@click.option("--base", default="all-MiniLM-L6-v2", show_default=True, help="Sentence encoder to adapt.")
@click.option(
    "--texts",
    "sources",
    multiple=True,
    metavar="FORMAT=PATH",
    callback=_sources,
    help="A corpus of another domain (repeatable), on which nothing should change: kilt=FILE, beir=FOLDER.",
)
@click.option(
    "--similarity",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Graded sentence pairs: JSON lines with sentence1, sentence2 and score.",
)
@click.option(
    "--whole",
    default="kept",
    show_default=True,
    type=click.Choice(["kept", "trained"]),
    help="The whole size: kept as it is, and the exits before it learn from it; or trained on the questions.",
)
@click.option(
    "--over",
    type=click.Path(path_type=Path, file_okay=False),
    help="Adapter made with --whole trained: with it the whole size is kept, and copied beside the result.",
)
@click.option(
    "--loss",
    default="cross_depth",
    show_default=True,
    help="With --whole trained: cross_depth, structured or 2dmse.",
)
@click.option(
    "--pairs",
    default="1x96,1x384,2x96,2x384,3x96,3x384,4x96,4x384,5x96,5x384,6x96,6x384",
    show_default=True,
    metavar="LAYERSxDIMENSIONS,...",
    callback=_pairs,
    help="Sizes to train, beside the whole model.",
)
@click.option(
    "--ranks",
    default="92,92,92,16,16,16",
    show_default=True,
    metavar="N,...",
    callback=_ranks,
    help="Of the low-rank factors, one a layer or one for all; a whole size that is kept leaves out its own.",
)
@click.option(
    "--learning-rate",
    default=1e-3,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="At its peak.",
)
@click.option(
    "--strength",
    default=0.75,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="Share of the learnt change of the weights that is kept; with --whole trained.",
)
@click.option(
    "--short",
    default=208,
    show_default=True,
    type=click.IntRange(4),
    help="Texts like questions of a batch; with --whole kept.",
)
@click.option(
    "--long",
    default=16,
    show_default=True,
    type=click.IntRange(2),
    help="Passages of a batch; with --whole kept.",
)
@click.option(
    "--bank",
    default=5000,
    show_default=True,
    type=click.IntRange(2),
    help="Passages among which a batch's questions learn to find theirs; with --whole kept.",
)
@click.option(
    "--passages",
    default=32,
    show_default=True,
    type=click.IntRange(2),
    help="Passages of a batch; with --whole trained.",
)
@click.option(
    "--each",
    default=4,
    show_default=True,
    type=click.IntRange(1),
    help="Questions a passage; with --whole trained.",
)
@click.option(
    "--epochs",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Passes over the passages; with --whole trained.",
)
@click.option("--steps", type=click.IntRange(1), help="Steps, instead of 900 or of --epochs.")
@click.option(
    "--held-out", default=0.05, show_default=True, type=click.FloatRange(0, 0.5), help="Share of the pages."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of all that is drawn.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def embedding(
    index_folder: Path,
    gold: Path,
    out: Path,
    base: str,
    sources: Sequence[tuple[str, Path]],
    similarity: Path | None,
    whole: str,
    over: Path | None,
    loss: str,
    pairs: tuple[tuple[int, int], ...],
    ranks: tuple[int, ...],
    learning_rate: float,
    strength: float,
    short: int,
    long: int,
    bank: int,
    passages: int,
    each: int,
    epochs: int,
    steps: int | None,
    held_out: float,
    seed: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train a sentence encoder to be good after any layer and at any width, as a low-rank adapter.

    It runs on a GPU where there is one. Whole pages are held out for the printed scores. Stopped at any
    moment, the same command goes on from its last checkpoint. An index uses the adapter when it is built with
    --set dense.adapter=FOLDER.
    """
    import random
    from dataclasses import asdict

    from skerry.core.models.store import ModelStore
    from skerry.core.progress import default_progress
    from skerry.ranking.training.examples import split_by_page
    from skerry.retrieval.embedding.training.examples import Example
    from skerry.retrieval.embedding.training.held_out import candidates
    from skerry.retrieval.embedding.training.settings import Settings
    from skerry.retrieval.embedding.training.similarity_file import read_similar_pairs
    from skerry.retrieval.embedding.training.texts import read_texts
    from skerry.retrieval.embedding.training.trainer import EmbeddingTrainer
    from skerry.retrieval.index.reader import Index

    progress = default_progress(quiet)
    store = ModelStore()
    settings = Settings(
        keep_whole=whole == "kept",
        loss=loss,
        pairs=pairs,
        ranks=ranks,
        learning_rate=learning_rate,
        strength=strength,
        short=short,
        long=long,
        bank=bank,
        passages=passages,
        each=each,
        steps=steps,
        epochs=epochs,
        seed=seed,
    )
    similar = read_similar_pairs(similarity) if similarity else []
    texts = [text for source in sources for text in read_texts(*source, seed, progress)]
    with Index.open(index_folder, models=store) as index:
        trainer = EmbeddingTrainer(store.resolve(base), index.passages, out, settings, over)
        training, testing = split_by_page(known_questions(gold, index), held_out, seed)
        testing = random.Random(seed).sample(testing, min(_HELD_OUT, len(testing)))
        [held] = _examples([testing], index, progress)
        if settings.keep_whole:
            # The bank is what they are told from.
            examples = [Example(one.query, one.positive, one.relevant, ()) for one in training]
        else:
            [examples] = _examples([training], index, progress)
        searched = candidates(held, len(index.passages), _OTHERS, seed)
        before = trainer.scores(held, searched, progress)
        trainer.train(examples, progress, texts=texts, similar=similar)
        after = trainer.scores(held, searched, progress)
        trainer.save()
    record = {
        "questions": len(examples),
        "texts": len(texts),
        "similar": len(similar),
        "settings": asdict(settings),
        "held_out": {
            "questions": len(held),
            "passages": len(searched),
            "before": [asdict(scores) for scores in before],
            "after": [asdict(scores) for scores in after],
        },
    }
    keep_record(out, record)
    if as_json:
        click.echo(json.dumps(record))
    else:
        click.echo(_table(before, after, len(held), len(searched)))
    print(f"The adapter is in {out}.", file=sys.stderr)


def _examples(sets: Sequence[Sequence[Question]], index: Index, progress: Progress) -> list[list[Example]]:
    """Each set's questions with the hard negatives that BM25 finds."""
    from skerry.ranking.training.examples import mine
    from skerry.retrieval.embedding.training.examples import Example
    from skerry.retrieval.pipeline import RetrievalPipeline

    with RetrievalPipeline(index) as pipeline:
        return [
            [
                Example(
                    found.question.query,
                    found.question.positive,
                    found.question.relevant,
                    found.negatives[:_NEGATIVES],
                )
                for found in mine(questions, pipeline, ["bm25"], _DEPTH, progress)
            ]
            for questions in sets
        ]


def _table(before: Sequence[PairScores], after: Sequence[PairScores], questions: int, passages: int) -> str:
    lines = [
        f"{questions} questions of unseen pages, {passages} passages",
        "layers dimensions  hit@1 before  after  hit@5 before  after",
    ]
    lines += [
        f"{was.layers:>6} {was.dimensions:>10}  {was.hit_at_1:>12.3f}  {now.hit_at_1:.3f}"
        f"  {was.hit_at_5:>12.3f}  {now.hit_at_5:.3f}"
        for was, now in zip(before, after, strict=True)
    ]
    return "\n".join(lines)
