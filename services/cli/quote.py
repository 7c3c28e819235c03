"""`skerry quote`: which words of a text stand in an index, and where."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import click


@click.command()
@click.argument("text")
@click.option("--index", "folder", required=True, type=click.Path(path_type=Path), help="Folder of an index.")
@click.option("--places", default=3, show_default=True, help="Most places of a quote, 0 to 100.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Give up after this long.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def quote(text: str, folder: Path, places: int, timeout: float | None, as_json: bool) -> None:
    """Say which words of TEXT stand in an index, and where.

    TEXT is cut into the longest runs of words that the corpus has, whatever their case; "-" reads it from
    standard input. Words that stand nowhere, or only one at a time, are told as unsupported. The index needs
    the leg seal; its language model is not loaded.
    """
    if not 0 <= places <= 100:
        raise click.BadParameter("must be from 0 to 100.", param_hint="--places")
    if timeout is not None and not (math.isfinite(timeout) and timeout > 0):
        raise click.BadParameter("must be more than 0 seconds.", param_hint="--timeout")
    if text == "-":
        # What is not UTF-8 becomes what `find` refuses by name.
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    from skerry.core.deadline import Deadline
    from skerry.retrieval.index.reader import Index
    from skerry.retrieval.seal.quotes.opening import open_quotes
    from skerry.services.cli.quote_view import quote_objects, show_quotes

    with Index.open(folder) as index:
        quotes = open_quotes(index, places).find(text, Deadline(timeout))
        if as_json:
            click.echo(
                json.dumps({"text": text, "quotes": quote_objects(quotes)}, ensure_ascii=False, indent=2)
            )
            return
        if not quotes:
            click.echo("There is no word in the text that says anything.", err=True)
        show_quotes(quotes, lambda id_: index.passages[index.passages.ordinal(id_)])
