"""`skerry index`: build, inspect, verify and switch the versions of an index."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from skerry.core.errors import IndexCorrupt, InvalidInput

if TYPE_CHECKING:
    from skerry.core.progress import Progress
    from skerry.retrieval.base import Option
    from skerry.retrieval.index.engine import Engine
    from skerry.retrieval.index.manifest import Manifest
    from skerry.services.indexing.keep_passages import Kept

_FOLDER = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def index() -> None:
    """Build, inspect and verify an index."""


@index.command()
@click.option(
    "--corpus", type=click.Path(path_type=Path), help="File or folder of the corpus; pydoc needs none."
)
@click.option("--format", "corpus_format", required=True, help="kilt, beir, jsonl, text or pydoc.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the index.")
@click.option(
    "--legs", default="bm25,dense", show_default=True, help="With commas: bm25, dense, seal, corpusbrain."
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="LEG.PARAMETER=VALUE",
    help="A parameter of a leg (repeatable): bm25.b=0.3, dense.index=hnsw, seal.adapter=none, "
    "corpusbrain.epochs=3.",
)
@click.option(
    "--add",
    is_flag=True,
    help="CorpusBrain goes on from the version in use, instead of learning all pages anew.",
)
@click.option("--chunk-words", default=100, show_default=True, help="Words of a passage to aim at.")
@click.option(
    "--pack/--no-pack",
    default=True,
    show_default=True,
    help="Neighbouring short paragraphs in one passage, or each its own.",
)
@click.option(
    "--engine", default="local", show_default=True, type=click.Choice(["local", "ray"]), help="Where it runs."
)
@click.option("--workers", type=int, help="Processes; as many as there are processors by default.")
@click.option(
    "--on-error",
    default="fail",
    show_default=True,
    type=click.Choice(["fail", "skip"]),
    help="What to do at a bad line of the corpus.",
)
@click.option("--keep", default=2, show_default=True, help="Versions to keep.")
@click.option("--force", is_flag=True, help="Build although nothing has changed.")
@click.option(
    "--kv",
    is_flag=True,
    help="Then have the generator read every passage, and keep that where [generation.cache] says.",
)
@click.option("--quiet", is_flag=True, help="No progress.")
@_JSON
def build(
    corpus: Path | None,
    corpus_format: str,
    out: Path,
    legs: str,
    settings: tuple[str, ...],
    add: bool,
    chunk_words: int,
    pack: bool,
    engine: str,
    workers: int | None,
    on_error: Literal["fail", "skip"],
    keep: int,
    force: bool,
    kv: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Build an index of a corpus and put it into use.

    Killed at any moment, the same command goes on where it was. Nothing that is in use changes before the new
    version is whole.
    """
    from skerry.core.models.store import ModelStore
    from skerry.core.progress import default_progress
    from skerry.retrieval.corpus.chunking import Chunking
    from skerry.retrieval.index.build import BuildSpec, run_build

    if corpus is None:
        if corpus_format != "pydoc":
            raise click.UsageError(f"The format {corpus_format} needs --corpus PATH.")
        corpus = Path("pydoc")
    names = tuple(name.strip() for name in legs.split(",") if name.strip())
    parameters = parse_settings(settings)
    if add:
        if "corpusbrain" not in names:
            raise click.UsageError(
                "--add says from where the leg corpusbrain goes on, which is not among --legs."
            )
        if "start" in parameters.setdefault("corpusbrain", {}):
            raise click.UsageError("--add and --set corpusbrain.start say the same thing: give one of them.")
        parameters["corpusbrain"]["start"] = "current"
    spec = BuildSpec(
        corpus=corpus,
        format=corpus_format,
        legs=names,
        parameters=parameters,
        chunking=Chunking(chunk_words) if pack else Chunking(chunk_words, short=0.0),
        on_error=on_error,
        keep_versions=keep,
        force=force,
    )
    start = time.monotonic()
    progress = default_progress(quiet)
    with _keeper(out, progress) if kv else nullcontext(lambda: None) as keep_passages:
        outcome = run_build(
            spec,
            out,
            engine=_engine(engine, workers),
            models=ModelStore(),
            progress=progress,
            say=lambda text: print(text, file=sys.stderr, flush=True),
        )
        kept = keep_passages()
    seconds = time.monotonic() - start
    if as_json:
        more = {} if kept is None else {"kv": asdict(kept)}
        _print(
            {
                **_summary(outcome.manifest),
                "published": outcome.published,
                "seconds": round(seconds, 3),
                **more,
            }
        )
        return
    _show(outcome.manifest)
    if kept is not None:
        print(f"kept         {kept.looked_at:,} of {kept.passages:,} passages, {kept.read:,} read now")
    print(f"this run     {seconds:,.1f} s")


@contextmanager
def _keeper(out: Path, progress: Progress) -> Iterator[Callable[[], Kept]]:
    """What keeps the passages' keys and values once there is an index; a wrong setting is an error before."""
    from skerry.core.models.store import ModelStore
    from skerry.services.config import load_settings
    from skerry.services.indexing.keep_passages import keep_passages, lasting_store

    settings = load_settings().settings.generation
    models = ModelStore()
    models.resolve(settings.model)
    with lasting_store(settings) as store:
        yield lambda: keep_passages(out, settings, store, models, progress)


@index.command()
@_FOLDER
@click.option("--version", help="Another version than the one in use.")
@_JSON
def info(folder: Path, version: str | None, as_json: bool) -> None:
    """Show what an index holds and how it was built."""
    from skerry.retrieval.index.manifest import MANIFEST, Manifest
    from skerry.retrieval.index.versions import (
        check_current,
        check_version,
        current_version,
        version_folder,
    )

    if version is None:
        version = current_version(folder)
        check_current(folder, version)
    check_version(folder, version)
    manifest = Manifest.read(version_folder(folder, version) / MANIFEST)
    if as_json:
        _print(_summary(manifest))
    else:
        _show(manifest)


@index.command()
@_FOLDER
@click.option("--version", help="Another version than the one in use.")
@click.option("--quiet", is_flag=True, help="No progress.")
@_JSON
def verify(folder: Path, version: str | None, quiet: bool, as_json: bool) -> None:
    """Read every file of an index and report all that is damaged."""
    from skerry.core.progress import default_progress
    from skerry.retrieval.index.verify import verify_index

    report = verify_index(folder, version, default_progress(quiet))
    if as_json:
        _print({**asdict(report), "problems": len(report.problems)})
    else:
        for file in report.files:
            print(f"{file.problem or 'good':<12} {max(file.size, 0):>14,}  {file.path}")
    if report.problems:
        raise IndexCorrupt(
            f"{len(report.problems)} of {len(report.files)} files of version {report.version} in {folder} "
            f"are damaged: {', '.join(file.path for file in report.problems)}.",
            hint="Activate another version (`skerry index versions DIR`), or build again with --force.",
        )


@index.command()
@_FOLDER
@_JSON
def versions(folder: Path, as_json: bool) -> None:
    """List the versions of an index, the newest last; a star marks the one in use."""
    from skerry.retrieval.index.versions import list_versions

    found = list_versions(folder)
    if as_json:
        _print(
            [
                {
                    "version": version.name,
                    "current": version.current,
                    "manifest": None if version.manifest is None else _summary(version.manifest),
                }
                for version in found
            ]
        )
        return
    for version in found:
        mark = "*" if version.current else " "
        if version.manifest is None:
            print(f"{mark} {version.name}  its manifest is damaged")
        else:
            manifest = version.manifest
            print(
                f"{mark} {version.name}  {manifest.created}  {manifest.corpus.passages:>12,} passages  "
                f"{_bytes(manifest.size):>10}  {','.join(sorted(manifest.legs))}"
            )


@index.command()
@_FOLDER
@click.argument("version")
@_JSON
def activate(folder: Path, version: str, as_json: bool) -> None:
    """Put another VERSION into use, after checking that it is whole."""
    from skerry.retrieval.index.versions import activate_version

    manifest = activate_version(folder, version)
    if as_json:
        _print(_summary(manifest))
    else:
        print(f"Version {version} is in use.", file=sys.stderr)


def parse_settings(settings: tuple[str, ...]) -> dict[str, dict[str, Option]]:
    """By leg, the parameters in `LEG.PARAMETER=VALUE` words; numbers and booleans are told by their looks.

    Raises:
        InvalidInput: a word of another form.
    """
    parsed: dict[str, dict[str, Option]] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        leg, dot, parameter = name.partition(".")
        if not (equals and dot and leg and parameter):
            raise InvalidInput(
                f"--set {setting!r} is not of the form LEG.PARAMETER=VALUE.", hint="For instance bm25.b=0.3."
            )
        parsed.setdefault(leg, {})[parameter] = _value(value)
    return parsed


def _value(text: str) -> Option:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _engine(name: str, workers: int | None) -> Engine:
    if name == "ray":
        from skerry.services.indexing.ray import RayEngine

        return RayEngine(workers)
    from skerry.services.indexing.local import LocalEngine

    return LocalEngine(workers)


def _summary(manifest: Manifest) -> dict[str, Any]:
    summary = asdict(manifest)
    summary["size"] = manifest.size
    return summary


def _show(manifest: Manifest) -> None:
    corpus, facts = manifest.corpus, manifest.build
    lines = {
        "version": f"{manifest.version} of {manifest.created}, by Skerry {manifest.skerry}",
        "corpus": f"{corpus.name} ({corpus.format}), {corpus.pages:,} pages",
        "passages": f"{corpus.passages:,}, about {manifest.chunking['words']} words each",
    }
    if corpus.skipped:
        lines["skipped"] = ", ".join(f"{count:,} {reason}" for reason, count in corpus.skipped.items())
    for name, leg in manifest.legs.items():
        parameters = ", ".join(f"{key}={value}" for key, value in leg.parameters.items())
        model = f"; model {leg.model.name} ({leg.model.weights_hash[:12]})" if leg.model else ""
        lines[name] = parameters + model
    lines["size"] = f"{_bytes(manifest.size)} in {len(manifest.files)} files"
    if facts.seconds:
        lines["seconds"] = ", ".join(f"{stage} {seconds:,.1f}" for stage, seconds in facts.seconds.items())
    if facts.built or facts.reused:
        lines["shards"] = "; ".join(
            f"{stage} {facts.built.get(stage, 0)} built, {facts.reused.get(stage, 0)} found finished"
            for stage in sorted({*facts.built, *facts.reused})
        )
    lines["peak memory"] = f"{_bytes(facts.peak_memory)} at most, {facts.workers} workers ({facts.engine})"
    lines["result hash"] = manifest.result_hash
    for name, text in lines.items():
        print(f"{name:<12} {text}")


def _bytes(count: int) -> str:
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count >= 1024**power:
            return f"{count / 1024**power:,.1f} {unit}"
    return f"{count:,} bytes"


def _print(value: object) -> None:
    print(json.dumps(value, indent=1))
