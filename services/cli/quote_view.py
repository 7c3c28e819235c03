"""How quotes look: in two lines, at length, or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from skerry.retrieval.corpus.records import Passage
from skerry.retrieval.quotes import Quote, QuotePlace

_AROUND = 60
"""Characters of the passage shown on either side of a quote."""


def quote_lines(quotes: Sequence[Quote]) -> Iterator[str]:
    """What of a text stands in the corpus, and what does not: a line each, where there is any."""
    supported = [
        f"{_marked(quote.text)} {_times(quote)}{_where(quote)}" for quote in quotes if quote.supported
    ]
    if supported:
        yield f"In the corpus: {'; '.join(supported)}"
    missing = [
        f"{_marked(quote.text)} ({_times(quote)}, alone)" if quote.count else _marked(quote.text)
        for quote in quotes
        if not quote.supported
    ]
    if missing:
        yield f"Unsupported: {'; '.join(missing)}"


def show_quotes(quotes: Sequence[Quote], passage: Callable[[str], Passage]) -> None:
    """Every quote with its places as they stand in their passages, on stdout.

    Args:
        passage: the passage of an id.
    """
    for quote in quotes:
        if quote.supported:
            click.echo(f"{_marked(quote.text)}  {_times(quote)}")
        elif quote.count:
            click.echo(
                f"{_marked(quote.text)}  unsupported: {_times(quote)}, but a single word proves nothing"
            )
        else:
            click.echo(f"{_marked(quote.text)}  unsupported")
        for place in quote.places:
            found = passage(place.passage_id)
            section = "" if place.in_title else found.section
            names = " › ".join(name for name in (found.title, section) if name)
            what = "title of " if place.in_title else ""
            click.echo(f"    {what}{names} ({found.id})")
            click.echo(f"        {_around(found.title if place.in_title else found.text, place)}")


def quote_objects(quotes: Sequence[Quote]) -> list[dict[str, Any]]:
    """Quotes as JSON values."""
    return [
        {
            "text": quote.text,
            "span": [quote.start, quote.end],
            "supported": quote.supported,
            "count": quote.count,
            "places": [
                {
                    "passage": place.passage_id,
                    "title": place.title,
                    "span": [place.start, place.end],
                    "quote": place.quote,
                    "in_title": place.in_title,
                }
                for place in quote.places
            ],
        }
        for quote in quotes
    ]


def _marked(text: str) -> str:
    return click.style(f"»{' '.join(text.split())}«", bold=True)


def _times(quote: Quote) -> str:
    return "once" if quote.count == 1 else f"{quote.count:,} times"


def _where(quote: Quote) -> str:
    ids = ", ".join(place.passage_id for place in quote.places)
    more = ", …" if quote.count > len(quote.places) else ""
    return f" ({ids}{more})" if ids else ""


def _around(text: str, place: QuotePlace) -> str:
    before = text[max(0, place.start - _AROUND) : place.start]
    after = text[place.end : place.end + _AROUND]
    left = "…" if place.start > _AROUND else ""
    right = "…" if place.end + _AROUND < len(text) else ""
    return " ".join(f"{left}{before}{_marked(place.quote)}{after}{right}".split())
