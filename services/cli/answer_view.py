"""How an answer's events look: on a terminal as they come, or as one JSON object."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from skerry.generation.answer import References
from skerry.generation.base import Citation, Completed, Delta, Event, FinishReason, Started
from skerry.ranking.rerank import RankedHit
from skerry.services.cli.explain_view import (
    explanation_lines,
    explanation_object,
    reading_line,
    reading_object,
)
from skerry.services.cli.objects import evidence_objects, passage_object
from skerry.services.cli.quote_view import quote_lines, quote_objects

_AROUND = 90
"""Characters of the passage shown on either side of a quote."""


def show(events: Iterator[References | Event]) -> None:
    """Answer, citations and quotes to stdout as they come; references, evidence and timings to stderr."""
    references = References(())
    citations = 0
    for event in events:
        if isinstance(event, References):
            references = event
        elif isinstance(event, Delta):
            click.echo(event.text, nl=False)
        elif isinstance(event, Citation):
            if citations == 0:
                click.echo("\n")
            citations += 1
            click.echo(_citation(citations, event, references))
        elif isinstance(event, Completed):
            if citations == 0:
                click.echo()
            for line in quote_lines(event.quotes or ()):
                click.echo(line)
            for line in _alternatives(event):
                click.echo(line)
            _end(event, references)


def _end(event: Completed, references: References) -> None:
    if event.reason is FinishReason.ABSTAINED:
        click.echo(f"No answer: {event.abstention}", err=True)
    elif event.reason is FinishReason.LENGTH:
        click.echo("The answer was cut at its longest; allow more with --max-tokens.", err=True)
    click.echo("", err=True)
    for number, ranked in enumerate(references.hits[: references.given], 1):
        click.echo(_reference(number, ranked), err=True)
    if references.reading is not None:
        click.echo(reading_line(references.reading), err=True)
    tokens = (
        f"{event.prompt_tokens} prompt tokens ({event.cached_tokens} cached), {event.answer_tokens} answered"
    )
    stages = ", ".join(f"{stage} {seconds * 1000:,.0f}" for stage, seconds in event.timings.items())
    click.echo(f"{tokens}\nms: {stages}", err=True)


def _alternatives(event: Completed) -> list[str]:
    if not event.alternatives:
        return []
    lines = ["", "Other answers, by log-probability"]
    if event.score is not None:
        lines[1] += f" ({event.score:.2f} for this one)"
    return lines + [f"{other.score:>7.2f}  {other.text}" for other in event.alternatives]


def _citation(number: int, citation: Citation, references: References) -> str:
    """The quote, marked, in its passage: bold on a terminal, between » and « elsewhere."""
    passages = {ranked.hit.passage.id: ranked.hit.passage for ranked in references.hits}
    passage = passages.get(citation.source_id)
    if passage is None:
        return f"[{number}] {citation.source_id}: »{citation.quote}«"
    start, end = citation.source_start, citation.source_end
    before = passage.text[max(0, start - _AROUND) : start]
    after = passage.text[end : end + _AROUND]
    quote = click.style(f"»{citation.quote}«", bold=True)
    left = "…" if start > _AROUND else ""
    right = "…" if end + _AROUND < len(passage.text) else ""
    place = " › ".join(part for part in (passage.title, passage.section) if part)
    text = " ".join(f"{left}{before}{quote}{after}{right}".split())
    return f"[{number}] {place} ({passage.id})\n    {text}"


def _reference(number: int, ranked: RankedHit) -> str:
    hit = ranked.hit
    found = ", ".join(f"{leg.leg} #{leg.rank}" for leg in hit.legs)
    sure = "" if math.isnan(ranked.calibrated) else f"  p={ranked.calibrated:.2f}"
    lines = [f"{number:>3}. {hit.passage.title} ({hit.passage.id}){sure}  {found}".rstrip()]
    lines += [
        f"       {evidence.ngram!r}"
        + (f"  count {evidence.count:,}" if evidence.count else "")
        + f"  score {evidence.score:.2f}"
        for evidence in hit.evidence[:3]
    ]
    if ranked.explanation is not None:
        lines += [f"       {line}" for line in explanation_lines(ranked.explanation, hit.legs)]
    return "\n".join(lines)


def as_object(question: str, events: Iterator[References | Event]) -> dict[str, Any]:
    """All events as one JSON object."""
    result: dict[str, Any] = {"question": question, "answer": "", "citations": []}
    for event in events:
        if isinstance(event, References):
            result["references"] = [_reference_object(ranked) for ranked in event.hits]
            result["given"] = event.given
            result["reading"] = None if event.reading is None else reading_object(event.reading)
        elif isinstance(event, Started):
            result["sources"] = event.sources
            result["reuse"] = [asdict(item) for item in event.reuse]
            result["no_reuse"] = event.no_reuse
        elif isinstance(event, Citation):
            result["citations"].append(_citation_object(event))
        elif isinstance(event, Completed):
            result |= {
                "answer": event.text,
                "reason": event.reason.value,
                "abstention": event.abstention,
                "prompt_tokens": event.prompt_tokens,
                "cached_tokens": event.cached_tokens,
                "answer_tokens": event.answer_tokens,
                "quotes": None if event.quotes is None else quote_objects(event.quotes),
                "rests_on": [asdict(item) for item in event.rests_on],
                "score": event.score,
                "alternatives": [
                    {
                        "answer": other.text,
                        "score": other.score,
                        "reason": other.reason.value,
                        "citations": [_citation_object(citation) for citation in other.citations],
                    }
                    for other in event.alternatives
                ],
                "seconds": dict(event.timings),
            }
    return result


def _citation_object(citation: Citation) -> dict[str, Any]:
    return {
        "passage": citation.source_id,
        "answer": [citation.answer_start, citation.answer_end],
        "span": [citation.source_start, citation.source_end],
        "quote": citation.quote,
        "support": citation.support,
    }


def _reference_object(ranked: RankedHit) -> dict[str, Any]:
    hit = ranked.hit
    return {
        **passage_object(hit.passage),
        "score": ranked.score if math.isfinite(ranked.score) else None,
        "confidence": None if math.isnan(ranked.calibrated) else ranked.calibrated,
        "legs": [{"leg": leg.leg, "rank": leg.rank, "score": leg.score} for leg in hit.legs],
        "evidence": evidence_objects(hit.evidence),
        "explanation": None if ranked.explanation is None else explanation_object(ranked.explanation),
    }
