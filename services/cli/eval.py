"""`skerry eval`: run a question set over an index, or score a prediction file."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skerry.core.errors import InvalidInput
from skerry.services.cli.context_options import context_options, load_generator
from skerry.services.cli.eval_rank import rank
from skerry.services.cli.eval_rank_sets import rank_sets
from skerry.services.cli.rank_options import cascade_options, load_cascade

if TYPE_CHECKING:
    from skerry.core.models.store import ModelStore
    from skerry.evaluation.table import ScoreTable
    from skerry.generation.base import Generator
    from skerry.retrieval.base import Retriever

_FILE = click.Path(path_type=Path, dir_okay=False)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def evaluate() -> None:
    """Run a question set, compare rankers on one, or score a prediction file."""


evaluate.add_command(rank)
evaluate.add_command(rank_sets)


@evaluate.command()
@click.option(
    "--index", "folder", required=True, type=click.Path(path_type=Path), help="Folder of the index."
)
@click.option("--gold", required=True, type=_FILE, help="KILT gold file, or BEIR questions with --qrels.")
@click.option("--qrels", type=_FILE, help="BEIR relevance judgements of the questions in --gold.")
@click.option("--out", required=True, type=_FILE, help="Prediction file to write, or to go on with.")
@click.option(
    "--task",
    default="retrieval",
    show_default=True,
    type=click.Choice(["retrieval", "answer"]),
    help="What to do.",
)
@click.option("--legs", help="Names of the legs, with commas; all that the index has by default.")
@click.option(
    "--fusion", default="rrf", show_default=True, help="How several legs are fused: rrf, convex or learned."
)
@click.option("--depth", default=100, show_default=True, type=click.IntRange(1), help="Passages a leg.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="LEG.OPTION=VALUE",
    help="A leg's knob (repeatable): seal.beams=5, seal.scoring=lm_fm, bm25.weight=0.5, dense.limit=300.",
)
@click.option("--ranker", help="Rank the fused list, for example with cross-encoder.")
@click.option(
    "--ranker-folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Where `skerry train ranker` left it; the shipped one by default.",
)
@click.option("--rank-depth", default=50, show_default=True, type=click.IntRange(1), help="Passages to rank.")
@cascade_options
@click.option(
    "--generator", default="SmolLM2-135M-Instruct", show_default=True, help="Model of --task answer."
)
@click.option(
    "--passages", default=5, show_default=True, type=click.IntRange(1), help="Passages to answer from."
)
@click.option("--max-tokens", default=64, show_default=True, type=click.IntRange(1), help="Longest answer.")
@context_options
@click.option("--min-confidence", type=click.FloatRange(0, 1), help="Abstain below; needs --ranker.")
@click.option("--limit", type=click.IntRange(1), help="Only the first questions.")
@click.option("--ks", help="Ranks to score at, with commas.")
@click.option(
    "--batch", default=32, show_default=True, type=click.IntRange(1), help="Questions a retrieval call."
)
@click.option("--restart", is_flag=True, help="Start anew instead of going on.")
@click.option("--markdown", is_flag=True, help="Print the table as Markdown.")
@click.option("--quiet", is_flag=True, help="No progress.")
@_JSON
def run(
    folder: Path,
    gold: Path,
    qrels: Path | None,
    out: Path,
    task: str,
    legs: str | None,
    fusion: str,
    depth: int,
    settings: tuple[str, ...],
    ranker: str | None,
    ranker_folder: Path | None,
    rank_depth: int,
    cheap_ranker: str | None,
    strong_depth: int | None,
    rank_margin: float | None,
    rank_block: int,
    generator: str,
    passages: int,
    max_tokens: int,
    reuse: bool | None,
    recompute: str | None,
    recompute_margin: float | None,
    selector: str | None,
    kv_budget: int | None,
    prefill: str | None,
    min_confidence: float | None,
    limit: int | None,
    ks: str | None,
    batch: int,
    restart: bool,
    markdown: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Predict every question of a gold file and print the scores of each leg alone, fused and ranked.

    Every system's predictions are a file that KILT's own scripts read: the last one's is --out, the others'
    carry their names. Stopped at any moment, the same command goes on where it was.
    """
    from skerry.core.files import sha256_file
    from skerry.core.models.store import ModelStore
    from skerry.core.progress import default_progress
    from skerry.evaluation import beir, beir_files, scores
    from skerry.evaluation.gold import read_gold
    from skerry.evaluation.reading_tally import ReadingTally
    from skerry.evaluation.run import RunSpec
    from skerry.evaluation.run import run as run_questions
    from skerry.generation.plan import ContextPlan
    from skerry.ranking.plan import RankPlan
    from skerry.retrieval.index.reader import Index
    from skerry.retrieval.pipeline import RetrievalPipeline
    from skerry.retrieval.validation import check_fusion
    from skerry.services.cli.index import parse_settings
    from skerry.services.cli.legs import leg_names, leg_requests
    from skerry.services.rankers import named_folder

    check_fusion(fusion)
    if min_confidence is not None and (ranker is None or task != "answer"):
        raise click.UsageError("--min-confidence needs --ranker and --task answer.")
    if ranker is None and (ranker_folder or cheap_ranker or strong_depth or rank_margin):
        raise click.UsageError(
            "--ranker-folder, --cheap-ranker, --strong-depth, --rank-margin need --ranker."
        )
    if qrels is not None and task == "answer":
        raise click.UsageError("--qrels has no answers; leave --task answer out.")
    ranks = _whole_numbers(ks) if ks else None
    judgements = None
    if qrels is None:
        questions = read_gold(gold, limit)
    else:
        judgements = beir_files.read_qrels(qrels)
        questions = beir_files.judged_questions(beir_files.read_queries(gold), judgements, gold)[:limit]
    store = ModelStore()
    cheap = named_folder(cheap_ranker) if cheap_ranker else None
    with ExitStack() as stack:
        index = stack.enter_context(Index.open(folder, models=store))
        chain = stack.enter_context(RetrievalPipeline(index))
        names = leg_names(legs) if legs else list(index.legs)
        knobs = parse_settings(settings)
        if "seal" in names:
            # Predictions say nothing of why a passage was found.
            knobs["seal"] = {"evidence": 0, **knobs.get("seal", {})}
        spec = RunSpec(
            legs=leg_requests(names, knobs, depth),
            fusion=fusion,
            ranking=RankPlan(
                depth=rank_depth,
                cheap=cheap[0] if cheap else "",
                strong_depth=strong_depth,
                margin=rank_margin,
                block=rank_block,
            ),
            keep=depth,
            batch=batch,
            passages=passages,
            max_tokens=max_tokens,
            min_confidence=min_confidence,
            context=ContextPlan(reuse, recompute, recompute_margin, selector, kv_budget, prefill),
        )
        adapters = _adapters([index.retriever(leg.name) for leg in spec.legs])
        parameters: dict[str, Any] = {
            "index": index.manifest.result_hash,
            "gold": sha256_file(gold),
            "task": task,
            "ranker": _ranker_identity(ranker, ranker_folder) if ranker else None,
            "generator": None,
            **({"cheap_ranker": _ranker_identity(*cheap)} if cheap else {}),
            **({"adapters": adapters} if adapters else {}),
        }
        tally = ReadingTally(load_cascade(store, (ranker, ranker_folder), cheap)) if ranker else None
        model: Generator | None = None
        if task == "answer":
            model, parameters["generator"] = _load_generator(generator, store)
        files = run_questions(
            questions,
            out,
            chain,
            spec,
            parameters,
            rankers=tally,
            generator=model,
            restart=restart,
            progress=default_progress(quiet),
        )
    if judgements is not None:
        table = scores.beir_table(gold.name, questions, judgements, files, ranks or beir.DEFAULT_KS)
    elif any(question.outputs for question in questions):
        table = scores.kilt_table(gold.name, questions, files, ranks or scores.DEFAULT_KS)
    else:
        print(f"{gold} has no answers to score against; the predictions are in {out}.", file=sys.stderr)
        return
    reading = tally.summary() if tally is not None else None
    if as_json:
        paths = {system: str(path) for system, path in files.items()}
        extra = {"questions": len(questions), "files": paths, "ranking": reading}
        print(json.dumps({**table.json(), **extra}, indent=2))
    else:
        print_table(table, markdown)
        print(f"Predictions: {', '.join(str(path) for path in files.values())}", file=sys.stderr)
        if reading is not None and reading["lists"]:
            print(_reading_line(ranker or "", reading), file=sys.stderr)


@evaluate.command()
@click.option("--gold", required=True, type=_FILE, help="KILT gold file.")
@click.option("--guess", required=True, type=_FILE, help="KILT prediction file.")
@click.option("--ks", default="1,5,10,20", show_default=True, help="Ranks, with commas.")
@click.option(
    "--rank-keys", default="wikipedia_id", show_default=True, help="Fields that make two entries the same."
)
@_JSON
def score(gold: Path, guess: Path, ks: str, rank_keys: str, as_json: bool) -> None:
    """Score a prediction file as KILT's own scripts do: downstream, KILT- and retrieval metrics."""
    from skerry.evaluation.gold import read_gold, read_records
    from skerry.evaluation.kilt import score as score_kilt

    result = score_kilt(
        read_gold(gold),
        read_records(guess, kind="prediction"),
        ks=_whole_numbers(ks),
        rank_keys=tuple(name.strip() for name in rank_keys.split(",")),
    )
    if result.extra:
        shown = ", ".join(result.extra[:5]) + (", ..." if len(result.extra) > 5 else "")
        print(f"{len(result.extra)} predictions have no gold question: {shown}", file=sys.stderr)
    groups = {"kilt": result.kilt, "downstream": result.downstream, "retrieval": result.retrieval}
    if as_json:
        values = {name: dict(group) for name, group in groups.items()}
        print(json.dumps({"questions": result.questions, **values, "extra": list(result.extra)}, indent=2))
        return
    for name, group in groups.items():
        for metric, value in group.items():
            print(f"{name}\t{metric}\t{value:.4f}")


def _whole_numbers(text: str) -> tuple[int, ...]:
    from skerry.evaluation.kilt import checked_ks

    try:
        return checked_ks([int(part) for part in text.split(",")])
    except ValueError as error:
        raise InvalidInput(
            f"--ks {text!r} is not a list of whole numbers.", hint="Give for example --ks 1,5,20."
        ) from error


def print_table(table: ScoreTable, markdown: bool) -> None:
    """To stdout, for people or as Markdown."""
    if markdown:
        print(table.title)
        print()
        print(table.markdown(), end="")
        return
    from rich.console import Console

    # A table that is piped on must not be folded to a width that nobody chose.
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(table.rich())


def _reading_line(ranker: str, reading: Mapping[str, Any]) -> str:
    early = reading["stopped"].get("margin", 0)
    return (
        f"{ranker} read {reading['read']:.1f} passages a question in {reading['milliseconds']:.0f} ms; "
        f"of {reading['lists']:,} lists {early:,} were decided early."
    )


def _ranker_identity(name: str, folder: Path | None) -> list[str]:
    """The ranker's name and a digest of its files, so that a run never goes on with a newly trained one.

    Its card is for people: what it says changes no ranking.
    """
    import hashlib

    import skerry.ranking
    from skerry.core.files import sha256_file
    from skerry.ranking.base import RANKERS

    RANKERS.check(name)
    source = Path(skerry.ranking.__file__).parent / "weights" / name if folder is None else folder
    files = sorted(path for path in source.rglob("*") if path.is_file() and path.suffix != ".md")
    facts = "".join(f"{path.relative_to(source)} {sha256_file(path)}\n" for path in files)
    return [name, hashlib.sha256(facts.encode()).hexdigest()]


def _adapters(retrievers: Sequence[Retriever]) -> dict[str, str]:
    """Digests of weights that legs' models learnt, by leg: they may change while the index is the same."""
    from skerry.retrieval.index.leg import HasWeights

    return {
        retriever.name: retriever.weights_sha256
        for retriever in retrievers
        if isinstance(retriever, HasWeights) and retriever.weights_sha256
    }


def _load_generator(name: str, models: ModelStore) -> tuple[Generator, list[Any]]:
    model = models.resolve(name)
    loaded = load_generator(model, many=True)
    return loaded, [model.name, model.weights_hash, asdict(loaded.context)]
