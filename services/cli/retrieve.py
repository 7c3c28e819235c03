"""`skerry retrieve`: a question in, passages out."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from skerry.core.deadline import Deadline
from skerry.retrieval.base import Evidence, Hit, RetrievalRequest, RetrievalResult
from skerry.services.cli.highlight import highlighter
from skerry.services.cli.index import parse_settings
from skerry.services.cli.legs import CANDIDATES, leg_names, leg_requests
from skerry.services.cli.objects import evidence_objects, passage_object

_EVIDENCE = 8


@click.command()
@click.argument("query")
@click.option("--index", "folder", type=click.Path(path_type=Path), help="An index folder.")
@click.option("--target", metavar="ADDR", help="A running service (host:port) instead of an index.")
@click.option("--corpus", default="", help="Which of the service's corpora; needed where it has several.")
@click.option("--legs", default="", help="Names of the legs, with commas; all of the index by default.")
@click.option(
    "--fusion",
    default="rrf",
    show_default=True,
    metavar="rrf|convex|learned",
    help="How legs are joined; learned is the index's own (`skerry train fusion`).",
)
@click.option("--limit", default=10, show_default=True, help="Most passages to print.")
@click.option("--page", "pages", multiple=True, metavar="ID", help="Only passages of this page (repeatable).")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="LEG.OPTION=VALUE",
    help="A leg's knob (repeatable): dense.ef_search=200, seal.beams=5, bm25.weight=0.5, dense.limit=300. "
    "Naming one that is none lists them all.",
)
@click.option("--timeout", type=float, metavar="SECONDS", help="Give up after this long.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def retrieve(
    query: str,
    folder: Path | None,
    target: str | None,
    corpus: str,
    legs: str,
    fusion: str,
    limit: int,
    pages: tuple[str, ...],
    settings: tuple[str, ...],
    timeout: float | None,
    as_json: bool,
) -> None:
    """Find passages in an index or a running service.

    The query is plain words or a question; it has no syntax. Passages of the leg seal come with the n-grams
    that found them: what each added to the score, and how often the corpus has it. Those of the leg
    corpusbrain come with the title that was generated and its log-probability.
    """
    if (folder is None) == (target is None):
        raise click.UsageError("Give either --index DIR or --target ADDR.")
    if timeout is not None and not (math.isfinite(timeout) and timeout > 0):
        raise click.BadParameter("must be more than 0 seconds.", param_hint="--timeout")
    if corpus and target is None:
        raise click.UsageError("--corpus goes with --target.")
    deadline = Deadline(timeout)
    options = parse_settings(settings)

    def request(names: str) -> RetrievalRequest:
        chosen = leg_requests(leg_names(names), options, max(CANDIDATES, limit))
        return RetrievalRequest(query, chosen, fusion, limit, page_ids=frozenset(pages))

    if folder is not None:
        result = _from_index(folder, legs, request, deadline)
    else:
        result = _from_service(str(target), corpus, request(legs), deadline)
    if as_json:
        click.echo(json.dumps(_as_json(query, result), ensure_ascii=False))
    else:
        _print(query, result)


def _from_index(
    folder: Path, legs: str, make: Callable[[str], RetrievalRequest], deadline: Deadline
) -> RetrievalResult:
    from skerry.retrieval.index.reader import Index
    from skerry.retrieval.pipeline import RetrievalPipeline

    with Index.open(folder) as index, RetrievalPipeline(index) as pipeline:
        return pipeline.retrieve([make(legs or ",".join(index.legs))], deadline)[0]


def _from_service(target: str, corpus: str, request: RetrievalRequest, deadline: Deadline) -> RetrievalResult:
    from skerry.services.client import Client

    with Client(target) as client:
        return client.retrieve(request, corpus=corpus, deadline=deadline.remaining())


def _print(query: str, result: RetrievalResult) -> None:
    if not result.hits:
        click.echo("Nothing was found.", err=True)
    mark = highlighter(query, sys.stdout.isatty())
    for number, hit in enumerate(result.hits, 1):
        where = " › ".join(part for part in (hit.passage.title, hit.passage.section) if part)
        legs = "  ".join(f"{leg.leg} #{leg.rank} ({leg.score:.3f})" for leg in hit.legs)
        click.echo(f"{number}. {click.style(where, bold=True)}  {hit.score:.4f}  {legs}  [{hit.passage.id}]")
        click.echo(
            click.wrap_text(
                mark(hit.passage.text, [span for item in hit.evidence for span in item.spans]),
                width=100,
                initial_indent="   ",
                subsequent_indent="   ",
                preserve_paragraphs=True,
            )
        )
        _print_evidence(hit.evidence)
        click.echo()
    spent = ", ".join(f"{stage} {seconds * 1000:.0f} ms" for stage, seconds in result.timings.items())
    click.echo(spent, err=True)


def _print_evidence(evidence: Sequence[Evidence]) -> None:
    """A line an n-gram or a generated title, best first: its score, how often the corpus has it."""
    for item in evidence[:_EVIDENCE]:
        where = "" if not item.in_title else ", in the title" if not item.spans else ", also in the title"
        often = f", {item.count} in the corpus" if item.count else ""
        click.echo(f"   {item.score:8.3f}  {item.ngram!r}{often}{where}")
    if len(evidence) > _EVIDENCE:
        click.echo(f"             and {len(evidence) - _EVIDENCE} more")


def _as_json(query: str, result: RetrievalResult) -> dict[str, Any]:
    hits = [_hit_as_json(number, hit) for number, hit in enumerate(result.hits, 1)]
    return {"query": query, "hits": hits, "timings": dict(result.timings)}


def _hit_as_json(rank: int, hit: Hit) -> dict[str, Any]:
    span = hit.passage.span
    return {
        "rank": rank,
        "score": hit.score,
        **passage_object(hit.passage),
        "span": {
            "start_paragraph": span.start_paragraph,
            "start_character": span.start_character,
            "end_paragraph": span.end_paragraph,
            "end_character": span.end_character,
        },
        "legs": {leg.leg: {"rank": leg.rank, "score": leg.score} for leg in hit.legs},
        "evidence": evidence_objects(hit.evidence),
    }
