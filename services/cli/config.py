"""`skerry config`: the settings in force, and where each came from."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group()
def config() -> None:
    """Show the settings and where each came from."""


@config.command()
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="The TOML file.")
@click.option("--origin", is_flag=True, help="Say where each value came from.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(file: Path | None, origin: bool, as_json: bool) -> None:
    """Print every setting as a server would use it.

    A value comes from the file, from a variable SKERRY_SECTION_KEY if there is one, and last from a flag.
    """
    from skerry.services.config import load_settings, shown

    loaded = load_settings(file)
    values = shown(loaded.settings)
    if as_json:
        told = {
            key: {"value": value, "origin": loaded.origins[key]} if origin else value
            for key, value in values.items()
        }
        print(json.dumps(told, indent=1))
        return
    section = ""
    for key, value in values.items():
        above, _, name = key.rpartition(".")
        if above != section:
            print("\n" * bool(section) + f"[{above}]")
            section = above
        line = f"{name} = {json.dumps(value)}"
        print(f"{line:<44} # {loaded.origins[key]}" if origin else line)
