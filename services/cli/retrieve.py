"""`skerry retrieve`: a question in, passages out."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.retrieval.base import Hit, LegRequest, Option, RetrievalRequest, RetrievalResult
from skerry.services.cli.highlight import highlighter
from skerry.services.cli.index import parse_settings
from skerry.services.cli.objects import evidence_objects, passage_object

_CANDIDATES = 100
_FIELDS = ("limit", "weight")


@click.command()
@click.argument("query")
@click.option("--index", "folder", type=click.Path(path_type=Path), help="An index folder.")
@click.option("--target", metavar="ADDR", help="A running service (host:port) instead of an index.")
@click.option("--corpus", default="", help="Which of the service's corpora; needed where it has several.")
@click.option("--legs", default="", help="Names of the legs, with commas; all of the index by default.")
@click.option("--fusion", default="rrf", show_default=True, metavar="rrf|convex", help="How legs are joined.")
@click.option("--limit", default=10, show_default=True, help="Most passages to print.")
@click.option("--page", "pages", multiple=True, metavar="ID", help="Only passages of this page (repeatable).")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="LEG.OPTION=VALUE",
    help="A leg's knob (repeatable): dense.ef_search=200, bm25.weight=0.5, dense.limit=300.",
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

    The query is plain words or a question; it has no syntax.
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
        chosen = [name.strip() for name in names.split(",") if name.strip()]
        return RetrievalRequest(
            query, _leg_requests(chosen, options, limit), fusion, limit, page_ids=frozenset(pages)
        )

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


def _leg_requests(
    names: list[str], settings: dict[str, dict[str, Option]], limit: int
) -> tuple[LegRequest, ...]:
    for leg in settings:
        if leg not in names:
            raise InvalidInput(
                f"--set is given for the leg {leg!r}, which is not among --legs {','.join(names)}.",
                hint=f"Name the legs: --legs {','.join([*names, leg])}.",
            )
    requests = []
    for name in names:
        fields: dict[str, Any] = {"limit": max(_CANDIDATES, limit), "options": {}}
        for option, value in settings.get(name, {}).items():
            (fields if option in _FIELDS else fields["options"])[option] = value
        requests.append(LegRequest(name, **fields))
    return tuple(requests)


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
                mark(hit.passage.text),
                width=100,
                initial_indent="   ",
                subsequent_indent="   ",
                preserve_paragraphs=True,
            )
        )
        for evidence in hit.evidence:
            click.echo(f"   = {evidence.ngram!r}, {evidence.count} times, {evidence.score:.3f}")
        click.echo()
    spent = ", ".join(f"{stage} {seconds * 1000:.0f} ms" for stage, seconds in result.timings.items())
    click.echo(spent, err=True)


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
