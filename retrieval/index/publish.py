"""A finished build becomes a version: whole and durable before anyone can see it, visible in one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from skerry.core.failpoints import failpoint
from skerry.core.files import fsync_directory, fsync_tree
from skerry.retrieval.index.disk import disk_errors, link_or_copy
from skerry.retrieval.index.manifest import MANIFEST, FileEntry, Manifest
from skerry.retrieval.index.versions import (
    next_version,
    point_current,
    prune_versions,
    sweep_versions,
    version_folder,
)
from skerry.retrieval.index.work import Finished


def publish(
    folder: Path,
    parts: Mapping[str, Finished],
    result_hash: str,
    manifest_for: Callable[[str, Mapping[str, FileEntry]], Manifest],
    keep: int,
) -> Manifest:
    """Make a version of finished parts, put it into use, and delete versions beyond the newest `keep`.

    The parts themselves stay where they are (the files get second names), so that a kill at any moment loses
    nothing: until CURRENT has been replaced the old version is the one in use, from then on the new one.

    Args:
        parts: by name of the folder inside the version ("passages", a leg's name).
        manifest_for: makes the manifest from the version's name and its files.

    Raises:
        BackendUnavailable: the disk is full; nothing has changed.
    """
    failpoint("publish.begin")
    sweep_versions(folder)
    version = next_version(folder, result_hash)
    target = version_folder(folder, version)
    temporary = target.with_name(f".new-{version}")
    try:
        with disk_errors(folder):
            manifest = _fill(temporary, parts, lambda files: manifest_for(version, files))
            failpoint("publish.before_rename")
            temporary.rename(target)
            failpoint("publish.after_rename")
            fsync_directory(target.parent)
            fsync_directory(folder)
        failpoint("publish.before_current")
        point_current(folder, version)
    finally:
        sweep_versions(folder)
    failpoint("publish.after_current")
    prune_versions(folder, keep)
    failpoint("publish.end")
    return manifest


def _fill(
    temporary: Path,
    parts: Mapping[str, Finished],
    manifest_for: Callable[[Mapping[str, FileEntry]], Manifest],
) -> Manifest:
    temporary.mkdir(parents=True)
    failpoint("publish.temporary")
    files: dict[str, FileEntry] = {}
    for name, part in parts.items():
        for path, entry in part.files.items():
            copy = temporary / name / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(part.data / path, copy)
            files[f"{name}/{path}"] = entry
        failpoint("publish.linked")
    fsync_tree(temporary)
    failpoint("publish.before_manifest")
    manifest = manifest_for(dict(sorted(files.items())))
    with (temporary / MANIFEST).open("wb") as file:
        file.write(manifest.to_bytes())
        failpoint("publish.manifest_written")
        file.flush()
    fsync_tree(temporary)
    return manifest


POINTS = (
    "publish.begin",
    "publish.temporary",
    "publish.linked",
    "publish.before_manifest",
    "publish.manifest_written",
    "publish.before_rename",
    "publish.after_rename",
    "publish.before_current",
    "current.begin",
    "atomic_writer.before_rename:CURRENT",
    "current.done",
    "publish.after_current",
    "prune.retired",
    "publish.end",
)
"""Every fail point that a publication passes, in order ("prune.retired" only where one is pruned)."""
