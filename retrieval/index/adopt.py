"""Parts of a published version that a new build can use as they are: only what changed is built again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skerry.core.errors import IndexCorrupt
from skerry.retrieval.index.disk import disk_errors, link_or_copy
from skerry.retrieval.index.journal import stage_folder
from skerry.retrieval.index.manifest import MANIFEST, Manifest
from skerry.retrieval.index.spec import Plan
from skerry.retrieval.index.stages import stage_target
from skerry.retrieval.index.verify import check_files
from skerry.retrieval.index.versions import version_folder, version_names
from skerry.retrieval.index.work import describe_files, finished, finishing


def same_version(folder: Path, plan: Plan) -> Manifest | None:
    """The newest published version that was built from the same specification and is whole."""
    for manifest in _manifests(folder):
        if manifest.spec == plan.key:
            try:
                check_files(version_folder(folder, manifest.version), manifest, "auto")
            except IndexCorrupt:
                continue
            return manifest
    return None


def adopt_parts(folder: Path, plan: Plan) -> list[str]:
    """Make finished stages of those parts of published versions that fit the plan.

    Returns one sentence for each part.
    """
    adopted = []
    keys = {"passages": plan.passages_key} | {leg.name: leg.key for leg in plan.legs}
    for part, key in keys.items():
        target = stage_target(stage_folder(folder, part, key))
        if finished(target, full=False) is not None:
            continue
        for manifest in _manifests(folder):
            if _key(manifest, part) == key and _adopt(folder, manifest, part, target):
                adopted.append(f"Using the {part} of version {manifest.version}, which have not changed.")
                break
    return adopted


def _manifests(folder: Path) -> list[Manifest]:
    found = []
    for name in reversed(version_names(folder)):
        try:
            found.append(Manifest.read(version_folder(folder, name) / MANIFEST))
        except IndexCorrupt:
            continue
    return found


def _key(manifest: Manifest, part: str) -> str | None:
    if part == "passages":
        return manifest.passages_key
    return manifest.legs[part].key if part in manifest.legs else None


def _adopt(folder: Path, manifest: Manifest, part: str, target: Path) -> bool:
    """Link the files of one part into the piece `target`; False when they are damaged."""
    source = version_folder(folder, manifest.version) / part
    prefix = f"{part}/"
    wanted = {
        name.removeprefix(prefix): entry for name, entry in manifest.files.items() if name.startswith(prefix)
    }
    found = describe_files(source)
    if not wanted or any(found.get(name) != entry for name, entry in wanted.items()):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    with disk_errors(folder), finishing(target, _facts(manifest, part)) as data:
        for name in wanted:
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(source / name, data / name)
    return True


def _facts(manifest: Manifest, part: str) -> dict[str, Any]:
    if part == "passages":
        corpus = manifest.corpus
        return {
            "pages": corpus.pages,
            "passages": corpus.passages,
            "digest": corpus.digest,
            "skipped": dict(corpus.skipped),
        }
    leg = manifest.legs[part]
    return {"parameters": dict(leg.parameters), "digest": leg.digest}
