"""`skerry bench ttft`: the time to the first token where passages' keys and values are kept."""

from __future__ import annotations

from pathlib import Path

import click

from skerry.services.cli.bench.options import GOLD, JSON, MARKDOWN, QUIET, THREADS
from skerry.services.cli.bench.show import show_report


@click.command("ttft", short_help="Time to the first token with kept passages, beside a full prefill.")
@click.option(
    "--knowledge",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="KILT pages, of which the passages are cut.",
)
@GOLD
@click.option("--model", default="SmolLM2-135M-Instruct", show_default=True, help="A model's name or folder.")
@click.option("--dtype", default="auto", show_default=True, help="auto, bf16 or fp32.")
@click.option("--passages", default="4,8,16", show_default=True, help="Passages of a prompt, with commas.")
@click.option("--kept", default="0,50,100", show_default=True, help="Percent of them that are kept.")
@click.option(
    "--modes",
    default="none,first:16,last:16,blend:0.15",
    show_default=True,
    help="Which tokens are computed again.",
)
@click.option(
    "--passage-tokens", default=512, show_default=True, type=click.IntRange(16), help="Of a passage at most."
)
@click.option(
    "--rounds", default=3, show_default=True, type=click.IntRange(0), help="Questions to time; 0 times none."
)
@click.option(
    "--questions",
    default="4:200,16:20",
    show_default=True,
    help="PASSAGES:QUESTIONS that the gold answers' likelihood is measured on, with commas; empty for none.",
)
@click.option(
    "--peer",
    "peers",
    multiple=True,
    metavar="NAME[=PYTHON]",
    help="Another engine beside, run by the Python that it is installed for: llama-cpp or vllm. Repeatable.",
)
@click.option("--plot", "png", type=click.Path(path_type=Path, dir_okay=False), help="A PNG of the times.")
@MARKDOWN
@THREADS
@QUIET
@JSON
def ttft(
    knowledge: Path,
    gold: Path,
    model: str,
    dtype: str,
    passages: str,
    kept: str,
    modes: str,
    passage_tokens: int,
    rounds: int,
    questions: str,
    peers: tuple[str, ...],
    png: Path | None,
    markdown: bool,
    threads: int | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """The engine with kept passages beside transformers' full prefill: same weights, same prompts, in turns.

    A passage is a paragraph with its neighbours, as many as fit; one holds the answer, the others are of
    other pages. Timed is from the call until the first token is known; what was kept is in memory. "same
    passages again" is a prompt whose passages have stood together before. The likelihood is that of the gold
    answer, with everything kept. A peer reads the same tokens with the same weights on the same processors,
    and keeps nothing.
    """
    from skerry.benchmarks.numbers import whole_numbers
    from skerry.benchmarks.processors import on_processors
    from skerry.benchmarks.ttft.peers.kinds import choose
    from skerry.benchmarks.ttft.run import Plan, run
    from skerry.core.models.store import ModelStore
    from skerry.core.progress import default_progress

    if png is not None:
        from skerry.benchmarks.pictures import check_matplotlib
        from skerry.benchmarks.ttft.plot import plot

        check_matplotlib()
    plan = Plan(
        counts=whole_numbers("--passages", passages, 64),
        shares=_shares(kept),
        modes=tuple(mode.strip() for mode in modes.split(",")),
        passage_tokens=passage_tokens,
        rounds=rounds,
        questions=_questions(questions),
        peers=choose(peers),
    )
    with on_processors(threads) as processors:
        report = run(
            ModelStore().resolve(model), dtype, knowledge, gold, plan, processors, default_progress(quiet)
        )
    if png is not None:
        plot(report, png)
    show_report(report, report.tables(), as_json, markdown)


def _shares(text: str) -> tuple[float, ...]:
    from skerry.core.errors import InvalidInput

    try:
        shares = sorted({float(part) / 100 for part in text.split(",")})
    except ValueError:
        shares = []
    if not shares or not 0 <= shares[0] <= shares[-1] <= 1:
        raise InvalidInput(
            f"--kept {text!r} is not a list of percents.", hint="Give for example --kept 0,100."
        )
    return tuple(shares)


def _questions(text: str) -> tuple[tuple[int, int], ...]:
    from skerry.core.errors import InvalidInput

    try:
        pairs = [part.split(":") for part in text.split(",") if part.strip()]
        made = tuple((int(passages), int(questions)) for passages, questions in pairs)
    except ValueError:
        made = ((0, 0),)
    if any(passages < 1 or questions < 0 for passages, questions in made):
        raise InvalidInput(
            f"--questions {text!r} is not a list of PASSAGES:QUESTIONS.", hint="Give for example 4:200,16:20."
        )
    return made
