"""`skerry bench title-tree`: the tree of CorpusBrain's titles."""

from __future__ import annotations

import json
import sys

import click

from skerry.services.cli.bench.options import JSON


@click.command("title-tree", short_help="The title tree: size, build, speed; beside dicts.")
@click.option(
    "--titles", default=5_000_000, show_default=True, type=click.IntRange(1), help="Titles to generate."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the titles.")
@JSON
def title_tree(titles: int, seed: int, as_json: bool) -> None:
    """The tree of CorpusBrain's titles on generated ones, beside a tree of Python's dicts.

    It needs Linux, and for each million of titles some 200 MB of memory and 70 MB of temporary files.
    """
    from skerry.benchmarks.title_tree.run import run
    from skerry.benchmarks.title_tree.show import lines

    report = run(titles, seed, lambda what: print(f"{what} ...", file=sys.stderr, flush=True))
    click.echo(json.dumps(report.json()) if as_json else "\n".join(lines(report)))
