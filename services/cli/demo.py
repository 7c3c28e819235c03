"""`skerry demo`: a real corpus indexed, served, asked and measured, with nothing to set up."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".demo"),
    show_default=True,
    help="Where the index and the predictions are kept; a second run starts from them.",
)
@click.option("--limit", type=click.IntRange(1), help="Only the first questions of the set.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def demo(folder: Path, limit: int | None, quiet: bool, as_json: bool) -> None:
    """Index, serve and ask a real corpus, nothing to set up.

    The corpus is the language reference that every Python has. Five questions are asked over gRPC and shown
    with citations, evidence and timings; then all questions of the set, and their KILT scores as a table.
    """
    import json

    from skerry.core.models.store import ModelStore
    from skerry.core.progress import default_progress
    from skerry.services.demo.run import run_demo

    report = run_demo(folder, ModelStore(), default_progress(quiet or as_json), limit=limit, silent=as_json)
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
