"""Whether every file of a version is what its manifest says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from skerry.core.errors import IndexCorrupt
from skerry.core.files import sha256_file
from skerry.core.progress import Progress, SilentProgress
from skerry.retrieval.index.manifest import MANIFEST, FileEntry, Manifest
from skerry.retrieval.index.versions import check_current, check_version, current_version, version_folder

Verify: TypeAlias = Literal["auto", "full", "sizes"]
FULL_BELOW = 1 << 30
"""Bytes under which "auto" reads every file when an index is opened."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was found of one file; `problem` is "" for a good one, `size` -1 for a missing one."""

    path: str
    size: int
    problem: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """Every file of a version, in the order of their paths, the manifest first."""

    version: str
    files: tuple[FileReport, ...]

    @property
    def problems(self) -> tuple[FileReport, ...]:
        """The files that are not as they should be."""
        return tuple(report for report in self.files if report.problem)


def check_files(folder: Path, manifest: Manifest, verify: Verify) -> None:
    """Raise `IndexCorrupt` naming the first file of the version in `folder` that is damaged.

    "sizes" asks the file system only, "full" reads everything, "auto" reads everything of a small version.
    """
    full = verify == "full" or (verify == "auto" and manifest.size < FULL_BELOW)
    # All sizes first: they cost nothing, and most damage shows there.
    for path, entry in manifest.files.items():
        _raise_for(folder, _check(folder, path, entry, full=False))
    if full:
        for path, entry in manifest.files.items():
            _raise_for(folder, _check(folder, path, entry, full=True))


def verify_index(folder: Path, version: str | None = None, progress: Progress | None = None) -> VerifyReport:
    """Read every file of a version (the current one by default) and report all that is wrong.

    Raises:
        IndexNotReady: nothing has been published.
        NotFound: no such version.
        IndexCorrupt: CURRENT is damaged, so that there is nothing to verify.
    """
    if version is None:
        version = current_version(folder)
        check_current(folder, version)
    check_version(folder, version)
    target = version_folder(folder, version)
    try:
        manifest = Manifest.read(target / MANIFEST)
    except IndexCorrupt as error:
        return VerifyReport(version, (FileReport(MANIFEST, _size(target / MANIFEST), error.message),))
    reports = [FileReport(MANIFEST, _size(target / MANIFEST), "")]
    with (progress or SilentProgress()).task("verify", total=manifest.size, unit="bytes") as task:
        for path, entry in sorted(manifest.files.items()):
            reports.append(_check(target, path, entry, full=True))
            task.advance(entry.size)
    return VerifyReport(version, tuple(reports))


def _check(folder: Path, path: str, entry: FileEntry, *, full: bool) -> FileReport:
    size = _size(folder / path)
    if size < 0:
        return FileReport(path, size, "is missing")
    if size != entry.size:
        return FileReport(path, size, f"has {size:,} bytes instead of {entry.size:,}")
    if full and sha256_file(folder / path) != entry.sha256:
        return FileReport(path, size, "has other bytes than were written (its checksum differs)")
    return FileReport(path, size, "")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else -1
    except FileNotFoundError:
        return -1


def _raise_for(folder: Path, report: FileReport) -> None:
    if report.problem:
        raise IndexCorrupt(
            f"{folder / report.path} {report.problem}.",
            hint="Activate another version (`skerry index versions DIR`), or build again with --force.",
            details={"file": str(folder / report.path)},
        )
