"""What the work in progress under DIR/build is for, so that a rerun can say what it discards and why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from skerry.core.files import write_atomically
from skerry.retrieval.index.spec import Plan

BUILD = "build"
_JOURNAL = "journal.json"
_KEY_LENGTH = 16


def stage_folder(folder: Path, stage: str, key: str) -> Path:
    """Where the work of a stage lies; its key is in the name, so that no work for another spec mixes in."""
    return folder / BUILD / f"{stage}-{key[:_KEY_LENGTH]}"


def open_journal(folder: Path, plan: Plan) -> list[str]:
    """Discard the work under DIR/build that no longer fits `plan`, and note what the rest is for.

    Returns one sentence for each thing discarded, saying what has changed.
    """
    build = folder / BUILD
    build.mkdir(parents=True, exist_ok=True)
    wanted = _describe(plan)
    noted = _read(build / _JOURNAL)
    kept = {stage_folder(folder, stage, facts["key"]).name for stage, facts in wanted.items()}
    discarded = []
    for entry in sorted(build.iterdir()):
        if entry.is_dir() and entry.name not in kept:
            stage = entry.name.rpartition("-")[0]
            why = _difference(noted.get(stage, {}), wanted.get(stage))
            discarded.append(f"Discarding the unfinished work on {stage}: {why}.")
            shutil.rmtree(entry)
        elif entry.name.endswith(".part"):
            entry.unlink()
    write_atomically(build / _JOURNAL, (json.dumps(wanted, indent=1, sort_keys=True) + "\n").encode("ascii"))
    return discarded


def close_journal(folder: Path) -> None:
    """Delete DIR/build: everything in it has been published."""
    shutil.rmtree(folder / BUILD, ignore_errors=True)


def _describe(plan: Plan) -> dict[str, dict[str, Any]]:
    spec = plan.spec
    stages: dict[str, dict[str, Any]] = {
        "passages": {
            "key": plan.passages_key,
            "corpus": plan.fingerprint,
            "format": spec.format,
            "on_error": spec.on_error,
            "shard_passages": spec.shard_passages,
            "chunking": asdict(spec.chunking),
        }
    }
    for leg in plan.legs:
        stages[leg.name] = {
            "key": leg.key,
            "passages": plan.passages_key,
            "settings": dict(leg.settings),
            "model": None if leg.model_entry is None else asdict(leg.model_entry),
        }
    return stages


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        noted: dict[str, dict[str, Any]] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return noted


def _difference(before: Mapping[str, Any], now: Mapping[str, Any] | None) -> str:
    if now is None:
        return "it is not among the legs any more"
    changed = []
    for field, value in now.items():
        was = before.get(field)
        if field == "key" or was == value:
            continue
        if isinstance(value, dict) and isinstance(was, dict):
            changed += [
                f"{name} was {was.get(name)}, is {value[name]}"
                for name in value
                if was.get(name) != value[name]
            ]
        elif field in ("corpus", "passages"):
            changed.append(f"the {field} changed")
        else:
            changed.append(f"{field} was {was}, is {value}")
    return "; ".join(changed) or "its specification changed"
