"""`skerry answer`: one question, answered from an index in this process or by a running service."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from skerry.services.cli.beam_options import beam_options
from skerry.services.cli.context_options import context_options, load_generator
from skerry.services.cli.rank_options import cascade_options, load_cascade

if TYPE_CHECKING:
    from skerry.core.deadline import Deadline
    from skerry.generation.answer import AnswerRequest, References
    from skerry.generation.base import Event
    from skerry.retrieval.index.reader import Index
    from skerry.retrieval.quotes import QuoteFinder

    Stream: TypeAlias = Callable[[AnswerRequest, Deadline], Iterator[References | Event]]
    Chain: TypeAlias = tuple[tuple[str, ...], Stream]
    Rankers: TypeAlias = tuple[tuple[str, Path | None], tuple[str, Path | None] | None]


_MODEL = "SmolLM2-135M-Instruct"
_RANKER = "cross-encoder"


@click.command()
@click.argument("question")
@click.option("--index", "folder", type=click.Path(path_type=Path), help="Folder of an index.")
@click.option("--target", metavar="ADDR", help="Address of a running service, host:port.")
@click.option("--legs", default="", help="Names of the legs, with commas; all that the index has by default.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="LEG.OPTION=VALUE",
    help="A leg's knob (repeatable): dense.ef_search=200, seal.beams=5, bm25.weight=0.5.",
)
@click.option(
    "--fusion",
    default="rrf",
    show_default=True,
    help="How the legs' lists are fused: rrf, convex or learned.",
)
@click.option("--limit", default=50, show_default=True, help="Passages to retrieve.")
@click.option("--passages", default=5, show_default=True, help="Passages that the model reads, 1 to 64.")
@click.option("--rank-depth", default=50, show_default=True, help="Passages that are ranked.")
@click.option(
    "--ranker",
    metavar="NAME[=FOLDER]",
    help="Who ranks them: a ranker's name and what was trained; cross-encoder by default.",
)
@cascade_options
@click.option(
    "--rank-reserve",
    type=float,
    help="The share of the time left, in (0, 1), that ranking leaves to the answer.",
)
@click.option("--explain", is_flag=True, help="Say what moved each passage.")
@click.option("--no-rank", is_flag=True, help="Leave the passages in retrieval's order.")
@click.option("--model", help="The generator: a model's name or folder; SmolLM2-135M-Instruct by default.")
@click.option("--min-confidence", type=float, help="Abstain under this probability of the best passage.")
@click.option("--max-tokens", default=64, show_default=True, help="Longest answer, 1 to 4096.")
@click.option("--temperature", default=0.0, show_default=True, help="0 takes the likeliest words.")
@click.option("--seed", default=0, show_default=True, help="Of the draws at a temperature above 0.")
@beam_options
@context_options
@click.option("--timeout", type=float, help="Seconds to allow; no limit by default.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def answer(
    question: str,
    folder: Path | None,
    target: str | None,
    legs: str,
    settings: tuple[str, ...],
    fusion: str,
    limit: int,
    passages: int,
    rank_depth: int,
    ranker: str | None,
    cheap_ranker: str | None,
    strong_depth: int | None,
    rank_margin: float | None,
    rank_block: int,
    rank_reserve: float | None,
    explain: bool,
    no_rank: bool,
    model: str | None,
    min_confidence: float | None,
    max_tokens: int,
    temperature: float,
    seed: int,
    beams: int,
    beam_groups: int,
    diversity: float,
    answers: int,
    length_penalty: float,
    reuse: bool | None,
    recompute: str | None,
    recompute_margin: float | None,
    selector: str | None,
    kv_budget: int | None,
    prefill: str | None,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Answer QUESTION from an index or a running service.

    The answer and its citations go to stdout as they come, the references and timings to stderr. With --beams
    several answers are searched for, and the best comes when it is known.
    """
    if (folder is None) == (target is None):
        raise click.UsageError("Give one of --index DIR and --target ADDR.")
    if target is not None and (no_rank or model is not None):
        raise click.UsageError("--no-rank and --model are for --index; a service has its own parts.")
    if no_rank and (ranker or cheap_ranker or explain):
        raise click.UsageError("--no-rank goes without --ranker, --cheap-ranker and --explain.")
    from skerry.core.deadline import Deadline
    from skerry.generation.answer import AnswerRequest
    from skerry.generation.beams import BeamPlan
    from skerry.generation.plan import ContextPlan
    from skerry.ranking.plan import RankPlan
    from skerry.retrieval.base import RetrievalRequest
    from skerry.services.cli.answer_view import as_object, show
    from skerry.services.cli.index import parse_settings
    from skerry.services.cli.legs import CANDIDATES, leg_names, leg_requests
    from skerry.services.rankers import named_folder

    names = tuple(dict.fromkeys(leg_names(legs)))
    knobs = parse_settings(settings)
    deadline = Deadline(timeout)
    strong = named_folder(ranker or "")
    cheap = named_folder(cheap_ranker) if cheap_ranker else None
    if target is not None and (strong[1] or (cheap and cheap[1])):
        raise click.UsageError("A service has its own rankers: name one, without a folder.")
    rankers = None if no_rank else (strong if strong[0] else (_RANKER, None), cheap)
    with _chain(folder, target, rankers, model) as (known_legs, stream):
        request = AnswerRequest(
            question=question,
            retrieval=RetrievalRequest(
                query=question,
                legs=leg_requests(names or known_legs, knobs, CANDIDATES),
                fusion=fusion,
                limit=limit,
            ),
            ranking=RankPlan(
                ranker=strong[0],
                depth=rank_depth,
                cheap=cheap[0] if cheap else "",
                strong_depth=strong_depth,
                margin=rank_margin,
                block=rank_block,
                reserve=rank_reserve,
                explain=explain,
            ),
            passages=passages,
            min_confidence=min_confidence,
            max_tokens=max_tokens,
            temperature=temperature,
            seed=seed,
            context=ContextPlan(reuse, recompute, recompute_margin, selector, kv_budget, prefill),
            beams=BeamPlan(beams, beam_groups, diversity, answers, length_penalty),
        )
        events = stream(request, deadline)
        if as_json:
            click.echo(json.dumps(as_object(question, events), ensure_ascii=False, indent=2))
        else:
            show(events)


@contextmanager
def _chain(
    folder: Path | None, target: str | None, rankers: Rankers | None, model: str | None
) -> Iterator[Chain]:
    """The chain's stream function and the legs to ask for when none are named."""
    if folder is not None:
        with _local(folder, rankers, model) as chain:
            yield chain
        return
    from skerry.services.client import Client

    with Client(str(target)) as client:

        def stream(request: AnswerRequest, deadline: Deadline) -> Iterator[References | Event]:
            return client.stream_answer(request, deadline=deadline.remaining())

        # The server knows which legs its index has.
        yield (), stream


@contextmanager
def _local(folder: Path, rankers: Rankers | None, model: str | None) -> Iterator[Chain]:
    from skerry.core.models.store import ModelStore
    from skerry.generation.answer import AnswerPipeline
    from skerry.retrieval.index.reader import Index
    from skerry.retrieval.pipeline import RetrievalPipeline

    models = ModelStore()
    with Index.open(folder, models=models) as index, RetrievalPipeline(index) as retrieval:
        cascade = None if rankers is None else load_cascade(models, *rankers)
        generator = load_generator(models.resolve(model or _MODEL), many=False)
        yield index.legs, AnswerPipeline(retrieval, cascade, generator, _quotes(index)).stream


def _quotes(index: Index) -> QuoteFinder | None:
    """What looks the answer up in the whole corpus; without it there is still an answer."""
    if "seal" not in index.legs:
        return None
    from skerry.core.errors import SkerryError
    from skerry.retrieval.seal.quotes.opening import open_quotes

    try:
        return open_quotes(index)
    except SkerryError as error:
        click.echo(f"The answer will not be looked up in the corpus: {error}", err=True)
        return None
