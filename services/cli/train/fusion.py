"""`skerry train fusion`: how the lists of an index's legs become one, learnt from questions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skerry.services.cli.train.known_questions import known_questions

if TYPE_CHECKING:
    from skerry.core.progress import Progress
    from skerry.ranking.training.examples import Question
    from skerry.retrieval.fusion.learned.base import Judged
    from skerry.retrieval.index.reader import Index

_BATCH = 64
_HITS = (1, 5)


@click.command("fusion", short_help="Learn how an index's legs are fused.")
@click.option(
    "--corpus",
    "index_folder",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of the index, which keeps what is learnt.",
)
@click.option(
    "--gold", required=True, type=click.Path(path_type=Path, dir_okay=False), help="KILT gold file."
)
@click.option("--legs", default="", help="Names of the legs, with commas; all of the index by default.")
@click.option(
    "--method",
    type=click.Choice(["best", "convex", "lambdamart"]),
    default="best",
    show_default=True,
    help="Best is the one with the higher hit@1 over the folds.",
)
@click.option(
    "--questions", default=4_000, show_default=True, type=click.IntRange(1), help="Drawn from the file."
)
@click.option(
    "--depth", default=100, show_default=True, type=click.IntRange(2, 1000), help="Passages of a leg."
)
@click.option(
    "--folds", default=5, show_default=True, type=click.IntRange(2), help="Of pages, to compare by."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of all that is drawn.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def fusion(
    index_folder: Path,
    gold: Path,
    legs: str,
    method: str,
    questions: int,
    depth: int,
    folds: int,
    seed: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Learn the weights of a convex combination, and LambdaMART's trees, from questions with their evidence.

    Both are compared with the fusions that learn nothing on folds of pages; what is kept is learnt from all
    questions. Requests use it with --fusion learned.
    """
    import random

    from skerry.core.errors import InvalidInput
    from skerry.core.progress import default_progress
    from skerry.retrieval.fusion import FUSIONS
    from skerry.retrieval.fusion.learned import save_learned
    from skerry.retrieval.fusion.learned.convex import learn_convex
    from skerry.retrieval.fusion.learned.folds import Learn, fold_ranks
    from skerry.retrieval.fusion.learned.lambdamart import learn_lambdamart
    from skerry.retrieval.index.reader import Index
    from skerry.services.cli.legs import leg_names

    progress = default_progress(quiet)
    with Index.open(index_folder) as index:
        names = leg_names(legs) or list(index.legs)
        if len(names) < 2:
            raise InvalidInput(
                f"There is nothing to fuse: the leg is {', '.join(names)}.",
                hint="Name several legs, or build the index with several.",
            )
        known = known_questions(gold, index)
        drawn = random.Random(seed).sample(known, min(questions, len(known)))
        judged = _judged(index, drawn, names, depth, progress)
    learners: dict[str, Learn] = {
        "convex, learnt": lambda some: learn_convex(some, names),
        "lambdamart": lambda some: learn_lambdamart(some, names, seed),
    }
    fixed = {name: FUSIONS.load(name) for name in FUSIONS}
    with progress.task("folds", 1, "comparisons") as task:
        table = _table(fold_ranks(judged, fixed, learners, folds, seed))
        task.advance()
    if method == "best":
        method = max(learners, key=lambda name: table[name]["hit@1"])
    learned = learn_lambdamart(judged, names, seed) if method == "lambdamart" else learn_convex(judged, names)
    report = {
        "questions": len(judged),
        "depth": depth,
        "folds": folds,
        "seed": seed,
        "systems": table,
        "method": learned.method,
    }
    folder = save_learned(index_folder, learned, report)
    if as_json:
        click.echo(json.dumps(report))
    else:
        click.echo(_text(table, len(judged), folds))
        click.echo(f"{learned.method} is in {folder}.", err=True)


def _judged(
    index: Index, questions: Sequence[Question], legs: Sequence[str], depth: int, progress: Progress
) -> list[Judged]:
    from skerry.core.deadline import Deadline
    from skerry.retrieval.fusion import LegList
    from skerry.retrieval.fusion.learned.base import Judged

    judged: list[Judged] = []
    with progress.task("the legs' lists", len(questions), "questions") as task:
        for start in range(0, len(questions), _BATCH):
            part = questions[start : start + _BATCH]
            queries = [question.query for question in part]
            found = {leg: index.retriever(leg).retrieve(queries, depth, {}, Deadline()) for leg in legs}
            for row, question in enumerate(part):
                lists = {leg: LegList(found[leg][row].ordinals, found[leg][row].scores) for leg in legs}
                judged.append(Judged(lists, question.relevant, question.page_id))
            task.advance(len(part))
    return judged


def _table(ranks: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """By fusion hit@k, the mean reciprocal rank, and the p-value of hit@1 against RRF's."""
    import numpy as np

    from skerry.evaluation.bootstrap import paired_p_value

    first = {name: (found == 1).astype(float).tolist() for name, found in ranks.items()}
    table = {}
    for name, found in ranks.items():
        scores = {f"hit@{k}": float(((found > 0) & (found <= k)).mean()) for k in _HITS}
        scores["mrr"] = float(np.mean(np.where(found > 0, 1.0 / np.maximum(found, 1), 0.0)))
        scores["p"] = paired_p_value(first[name], first["rrf"])
        table[name] = scores
    return table


def _text(table: Mapping[str, Mapping[str, float]], questions: int, folds: int) -> str:
    lines = [
        f"{questions} questions, {folds} folds by page",
        "fusion          hit@1  hit@5    mrr  p (hit@1, rrf)",
    ]
    lines += [
        f"{name:<14}  {row['hit@1']:.3f}  {row['hit@5']:.3f}  {row['mrr']:.3f}  {row['p']:.4f}"
        for name, row in table.items()
    ]
    return "\n".join(lines)
