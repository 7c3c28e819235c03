"""`skerry eval rank`: every ranker on one question set, in one table."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import click

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option(
    "--index", "folder", required=True, type=click.Path(path_type=Path), help="Folder of the index."
)
@click.option("--gold", required=True, type=_FILE, help="KILT gold file, or BEIR questions with --qrels.")
@click.option("--qrels", type=_FILE, help="BEIR relevance judgements of the questions in --gold.")
@click.option(
    "--rankers",
    default="all",
    show_default=True,
    metavar="all|none|NAME[@DEPTH][=FOLDER],...",
    help="Those to compare; one may read fewer candidates, or be another than the shipped one.",
)
@click.option(
    "--work",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that keeps what is done; the same command goes on from there.",
)
@click.option("--legs", help="Names of the legs, with commas; all that the index has by default.")
@click.option("--fusion", default="rrf", show_default=True, help="How several legs are fused.")
@click.option(
    "--set",
    "knobs",
    multiple=True,
    metavar="LEG.OPTION=VALUE",
    help="A leg's knob (repeatable): dense.layers=3, bm25.weight=0.5.",
)
@click.option(
    "--depth", default=100, show_default=True, type=click.IntRange(1, 1000), help="Candidates a question."
)
@click.option("--limit", type=click.IntRange(1), help="Only the first questions.")
@click.option(
    "--folds",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Parts of the questions, by page, each ranked by what learnt from the others; 0 learns nothing.",
)
@click.option(
    "--train/--no-train",
    default=True,
    show_default=True,
    help="By folds, train the neural rankers, or take them as they are and fit the first stage's weight.",
)
@click.option("--start", is_flag=True, help="Training begins from a ranker's weights where it has some.")
@click.option(
    "--combine/--no-combine", default=True, show_default=True, help="By folds, put legs and rankers together."
)
@click.option("--vectors", default="glove-6b-50d", show_default=True, help="Word vectors to train with.")
@click.option("--objective", default="softmax", show_default=True, help="What rankers learn by.")
@click.option(
    "--epochs", default=6, show_default=True, type=click.IntRange(1), help="Passes of a training, at most."
)
@click.option("--steps", type=click.IntRange(1), help="Steps of a training, at most; of 16 questions.")
@click.option(
    "--query-terms", default=32, show_default=True, type=click.IntRange(1, 512), help="Words of a query."
)
@click.option(
    "--document-terms", default=320, show_default=True, type=click.IntRange(1, 4096), help="Of a passage."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of all that is drawn.")
@click.option("--out", type=_FILE, help="File to write the results into, as JSON.")
@click.option("--restart", is_flag=True, help="Forget what is in --work.")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--quiet", is_flag=True, help="No progress.")
def rank(
    folder: Path,
    gold: Path,
    qrels: Path | None,
    rankers: str,
    work: Path,
    legs: str | None,
    fusion: str,
    knobs: tuple[str, ...],
    depth: int,
    limit: int | None,
    folds: int,
    train: bool,
    start: bool,
    combine: bool,
    vectors: str,
    objective: str,
    epochs: int,
    steps: int | None,
    query_terms: int,
    document_terms: int,
    seed: int,
    out: Path | None,
    restart: bool,
    markdown: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Let every ranker put the first stage's candidates in order, and print one table.

    Metrics are hit@1, hit@5 and MRR by gold paragraph, or with --qrels nDCG@10, MAP and P@10 by page; beside
    them milliseconds for a question's 100 candidates, parameters, and how likely a difference from the first
    stage is chance. With --folds every question is ranked once, by what was learnt from the others.
    """
    from skerry.core.files import naming_full_disk, sha256_file, write_atomically
    from skerry.core.models.store import ModelStore
    from skerry.core.progress import default_progress
    from skerry.evaluation import beir_files
    from skerry.evaluation.gold import read_gold
    from skerry.evaluation.rank.compare import Comparison
    from skerry.evaluation.rank.contenders import parse_contenders
    from skerry.evaluation.rank.kept import Kept
    from skerry.evaluation.rank.learning import Lessons
    from skerry.evaluation.rank.pools import first_stage, page_ids
    from skerry.evaluation.rank.questions import judged_questions, kilt_questions
    from skerry.evaluation.rank.report import rank_table
    from skerry.ranking import shipped_weights
    from skerry.ranking.objectives import OBJECTIVES
    from skerry.ranking.training.neural_settings import Settings
    from skerry.retrieval.fusion.learned.folds import fold_numbers
    from skerry.retrieval.index.reader import Index
    from skerry.retrieval.pipeline import RetrievalPipeline
    from skerry.retrieval.validation import check_fusion
    from skerry.services.cli.eval import print_table
    from skerry.services.cli.index import parse_settings
    from skerry.services.cli.legs import leg_names, leg_requests

    check_fusion(fusion)
    OBJECTIVES.check(objective)
    contenders = parse_contenders(rankers)
    learns = bool(folds) and train
    if not learns:
        # Of `all`, those that there are weights of.
        asked = {part.partition("=")[0].partition("@")[0].strip() for part in rankers.split(",")}
        contenders = [
            one for one in contenders if one.name in asked or one.folder or shipped_weights(one.name)
        ]
    progress, store = default_progress(quiet), ModelStore()
    settings = Settings(
        model="",
        objective=objective,
        query_terms=query_terms,
        document_terms=document_terms,
        epochs=epochs,
        steps=steps,
        seed=seed,
    )
    with ExitStack() as stack:
        index = stack.enter_context(Index.open(folder, models=store))
        if qrels is None:
            questions = kilt_questions(read_gold(gold, limit), index.passages)
        else:
            qrels_of = beir_files.read_qrels(qrels)
            records = beir_files.judged_questions(beir_files.read_queries(gold), qrels_of, gold)[:limit]
            questions = judged_questions(records, qrels_of, index.passages)
        parts = fold_numbers([question.group for question in questions], folds, seed) if folds else []
        names = leg_names(legs) if legs else list(index.legs)
        requests = leg_requests(names, parse_settings(knobs), depth)
        facts: dict[str, Any] = {
            "index": index.manifest.result_hash,
            "gold": sha256_file(gold),
            "qrels": sha256_file(qrels) if qrels else None,
            "legs": [[leg.name, leg.limit, leg.weight, dict(leg.options)] for leg in requests],
            "fusion": fusion,
            "depth": depth,
            "limit": limit,
            "folds": folds,
            "seed": seed,
        }
        kept = stack.enter_context(closing(Kept(work, facts, restart=restart)))
        with RetrievalPipeline(index) as chain:
            pools = first_stage(questions, chain, requests, fusion, depth, kept, progress)
        lessons = Lessons(settings, start=start) if learns else None
        comparison = Comparison(pools, index.passages, store, kept, parts, lessons, vectors, progress)
        systems = comparison.first_stage()
        baseline = list(systems)[-1]
        scores = {}
        for contender in contenders:
            systems[contender.name], scores[contender.name] = comparison.rank(contender)
        if folds and combine:
            systems |= comparison.combine(scores, seed)
        title = index.manifest.corpus.name if qrels else gold.name
        title += f", {depth} candidates" + (f", {folds} folds" if folds else "")
        table = rank_table(title, pools, page_ids(pools, index.passages), systems, baseline)
    report = {**table.json(), "questions": len(pools), "baseline": baseline, "parameters": facts}
    if out is not None:
        with naming_full_disk(out.parent):
            write_atomically(out, json.dumps(report, indent=2).encode() + b"\n")
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        print_table(table, markdown)
        print(f"Differences are from {baseline}; what was done is in {work}.", file=sys.stderr)
