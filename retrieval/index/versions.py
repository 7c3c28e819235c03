"""The versions of an index folder: DIR/versions/<id>/, and DIR/CURRENT that names the one in use."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from skerry.core.errors import IndexCorrupt, IndexNotReady, NotFound
from skerry.core.failpoints import failpoint
from skerry.core.files import fsync_directory, write_atomically
from skerry.retrieval.index.disk import disk_errors
from skerry.retrieval.index.manifest import MANIFEST, Manifest

CURRENT = "CURRENT"
VERSIONS = "versions"
_VERSION = re.compile(r"[0-9]{6,}-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Version:
    """One published version. `manifest` is None when its manifest is damaged."""

    name: str
    current: bool
    manifest: Manifest | None


def version_folder(folder: Path, version: str) -> Path:
    """Where `version` of the index in `folder` lies."""
    return folder / VERSIONS / version


def version_names(folder: Path) -> list[str]:
    """Names of all published versions, oldest first."""
    try:
        names = [entry.name for entry in (folder / VERSIONS).iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted((name for name in names if _VERSION.fullmatch(name)), key=_number)


def next_version(folder: Path, result_hash: str) -> str:
    """A name that sorts behind every version there is."""
    names = version_names(folder)
    return f"{_number(names[-1]) + 1 if names else 1:06d}-{result_hash[:8]}"


def current_version(folder: Path) -> str:
    """The version that CURRENT names.

    Raises:
        IndexNotReady: nothing has been published in `folder`.
        IndexCorrupt: CURRENT is damaged, or missing beside published versions.
    """
    path = folder / CURRENT
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _no_current(folder) from error
    name = text[:-1].decode("ascii", "replace")
    if text[-1:] != b"\n" or not _VERSION.fullmatch(name):
        raise _bad_current(folder, "is damaged")
    return name


def named_current(folder: Path) -> str | None:
    """As `current_version`, but None when there is none that could be used."""
    try:
        return current_version(folder)
    except (IndexNotReady, IndexCorrupt):
        return None


def check_current(folder: Path, version: str) -> None:
    """Raise `IndexCorrupt` naming CURRENT when the version that it names is not there."""
    if not version_folder(folder, version).is_dir():
        raise _bad_current(folder, f"names the version {version}, which does not exist")


def list_versions(folder: Path) -> list[Version]:
    """Every published version of the index in `folder`, oldest first.

    Raises:
        IndexNotReady: there is none.
    """
    names = version_names(folder)
    if not names:
        raise _no_current(folder)
    current = named_current(folder)
    versions = []
    for name in names:
        try:
            manifest = Manifest.read(version_folder(folder, name) / MANIFEST)
        except IndexCorrupt:
            manifest = None
        versions.append(Version(name, name == current, manifest))
    return versions


def check_version(folder: Path, version: str) -> None:
    """Raise `NotFound` that lists the known versions unless `version` is one of them."""
    names = version_names(folder)
    if version not in names:
        raise NotFound(
            f"The index {folder} has no version {version!r}; known: {', '.join(names) or 'none'}.",
            details={"kind": "version", "name": version},
        )


def point_current(folder: Path, version: str) -> None:
    """Make `version` the one in use, atomically and durably."""
    failpoint("current.begin")
    with disk_errors(folder):
        write_atomically(folder / CURRENT, f"{version}\n".encode("ascii"))
    failpoint("current.done")


def activate_version(folder: Path, version: str) -> Manifest:
    """Make an existing version the one in use, after checking that it is whole.

    Raises:
        NotFound: no such version.
        IndexCorrupt: a file of it is damaged; what was in use stays in use.
    """
    from skerry.retrieval.index.verify import check_files

    check_version(folder, version)
    target = version_folder(folder, version)
    manifest = Manifest.read(target / MANIFEST)
    check_files(target, manifest, "auto")
    point_current(folder, version)
    return manifest


def prune_versions(folder: Path, keep: int) -> list[str]:
    """Delete all but the newest `keep` versions; the one in use and those that are open stay.

    Returns the names that were deleted.
    """
    current = named_current(folder)
    old = version_names(folder)[:-keep]
    return [name for name in old if name != current and _delete(folder, name)]


def sweep_versions(folder: Path) -> None:
    """Delete what an interrupted publication or pruning left behind."""
    for pattern in (".new-*", ".old-*"):
        for entry in (folder / VERSIONS).glob(pattern):
            shutil.rmtree(entry)
    for entry in folder.glob(f".{CURRENT}.*.part"):
        entry.unlink()


def _delete(folder: Path, version: str) -> bool:
    target = version_folder(folder, version)
    try:
        descriptor = os.open(target / MANIFEST, os.O_RDONLY)
    except FileNotFoundError:
        descriptor = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Readers hold a shared lock on the manifest for as long as they are open.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        retired = target.with_name(f".old-{version}")
        target.rename(retired)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    failpoint("prune.retired")
    fsync_directory(target.parent)
    shutil.rmtree(retired)
    return True


def _number(name: str) -> int:
    return int(name.partition("-")[0])


def _no_current(folder: Path) -> IndexNotReady | IndexCorrupt:
    names = version_names(folder)
    if names and not (folder / "build").is_dir():
        return _bad_current(folder, f"is missing, though there are versions ({', '.join(names)})")
    if not folder.exists():
        what, hint = (
            "does not exist",
            "Build it: `skerry index build --corpus PATH --format FORMAT --out DIR`.",
        )
    elif (folder / "build").is_dir():
        what, hint = "has not been finished", "Run the same `skerry index build` again: it resumes."
    else:
        what, hint = "is no index", "Give the folder that `skerry index build --out DIR` made."
    return IndexNotReady(f"The index {folder} {what}.", hint=hint, details={"index": str(folder)})


def _bad_current(folder: Path, why: str) -> IndexCorrupt:
    path = folder / CURRENT
    return IndexCorrupt(
        f"{path} {why}.",
        hint="Choose a version again: `skerry index activate DIR VERSION`.",
        details={"file": str(path)},
    )
