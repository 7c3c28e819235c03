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
MARKDOWN = click.option("--markdown", is_flag=True, help="Print the tables as Markdown.")
SPREAD = click.option(
    "--spread", is_flag=True, help="Questions spread evenly over the file, not its first ones."
)
MODEL = click.option(
    "--model", default="SmolLM2-135M-Instruct", show_default=True, help="Its name or folder."
)
DTYPE = click.option(
    "--dtype",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "bf16", "fp32"]),
    help="How it computes.",
)
PLOT = click.option(
    "--plot", "picture", type=click.Path(path_type=Path, dir_okay=False), help="A PNG file to write."
)
