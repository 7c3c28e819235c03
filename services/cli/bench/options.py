"""Options that several benchmarks take."""

from __future__ import annotations

from pathlib import Path

import click

INDEX = click.option(
    "--index", "folder", required=True, type=click.Path(path_type=Path), help="Folder of the index."
)
GOLD = click.option(
    "--gold", required=True, type=click.Path(path_type=Path, dir_okay=False), help="KILT gold file."
)
THREADS = click.option("--threads", type=click.IntRange(1), help="Processors to use; all by default.")
QUIET = click.option("--quiet", is_flag=True, help="No progress.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
