"""`skerry bench kept-answers`: answers with and without kept passages."""

from __future__ import annotations

from pathlib import Path

import click

from skerry.services.cli.bench.options import GOLD, INDEX, JSON, MARKDOWN, QUIET, SPREAD, THREADS
from skerry.services.cli.bench.show import show_table


@click.command("kept-answers", short_help="Answers with and without kept passages: the same ones, how soon.")
@INDEX
@GOLD
@click.option(
    "--questions", "limit", default=300, show_default=True, type=click.IntRange(1), help="Questions to ask."
)
@SPREAD
@click.option("--passages", default=5, show_default=True, type=click.IntRange(1), help="Passages to read.")
@click.option("--ranker", default="cross-encoder", show_default=True, help="Who ranks them.")
@click.option("--model", default="SmolLM2-135M-Instruct", show_default=True, help="A model's name or folder.")
@click.option("--dtype", default="auto", show_default=True, help="auto, bf16 or fp32.")
@click.option(
    "--modes",
    default="first:16,last:16",
    show_default=True,
    help="Which tokens are computed again, with commas; MODE@MARGIN computes all again where in doubt.",
)
@click.option("--max-tokens", default=64, show_default=True, type=click.IntRange(1), help="Longest answer.")
@MARKDOWN
@THREADS
@QUIET
@JSON
def kept_answers(
    folder: Path,
    gold: Path,
    limit: int,
    spread: bool,
    passages: int,
    ranker: str,
    model: str,
    dtype: str,
    modes: str,
    max_tokens: int,
    markdown: bool,
    threads: int | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """The chain's answers to a gold file's questions, in turns.

    With nothing reused; with every passage kept as it was read alone, by mode; and with the default where the
    same passages stood together before.
    """
    from skerry.benchmarks.processors import on_processors
    from skerry.benchmarks.questions import spread_evenly
    from skerry.benchmarks.ttft.chain import answers
    from skerry.benchmarks.ttft.kept import KeptPassages
    from skerry.benchmarks.ttft.retrieved import retrieved
    from skerry.core.models.store import ModelStore
    from skerry.core.progress import default_progress
    from skerry.evaluation.gold import read_gold
    from skerry.generation.engine import TransformersGenerator
    from skerry.generation.plan import ContextPlan, check_context

    plans = []
    for name in modes.split(","):
        mode, _, margin = name.strip().partition("@")
        plan = ContextPlan(recompute=mode, margin=_number(margin))
        check_context(plan)
        plans.append((name.strip(), plan))
    records = spread_evenly(read_gold(gold), limit) if spread else read_gold(gold, limit)
    progress, models = default_progress(quiet), ModelStore()
    with on_processors(threads) as processors:
        asked = retrieved(folder, records, ranker, passages, models, progress)
        kept = KeptPassages()
        generator = TransformersGenerator(models.resolve(model), dtype, processors, kept)
        table = answers(generator, kept, asked, plans, max_tokens, progress)
    show_table(table, as_json, markdown)


def _number(text: str) -> float:
    from skerry.core.errors import InvalidInput

    try:
        return float(text or 0)
    except ValueError as error:
        raise InvalidInput(f"The margin {text!r} is not a number.", hint="Write first:16@0.1.") from error
