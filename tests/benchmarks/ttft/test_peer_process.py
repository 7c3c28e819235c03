"""Peers as processes: what they answer, and what becomes of those that fail."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from skerry.benchmarks.ttft.peers.process import PeerProcess
from skerry.core.errors import BackendUnavailable

_GOOD = """
import os
def load(settings):
    print("loading", settings["weights"])
    return os.environ["SAID"], lambda tokens: sum(tokens) + settings["threads"]
"""


def _start(folder: Path, text: str, patience: float = 20.0) -> PeerProcess:
    file = folder / "engine.py"
    file.write_text(text)
    settings = {"weights": "w", "threads": 2}
    return PeerProcess("engine", sys.executable, file, settings, {"SAID": "1.2"}, patience, patience)


def _answering(body: str) -> str:
    loads = "import os, sys, time\ndef load(settings):\n    return '1', answer\n"
    return f"{loads}def answer(tokens):\n    {body}\n"


def test_answers(tmp_path: Path) -> None:
    with _start(tmp_path, _GOOD) as peer:
        assert peer.version == "1.2"
        assert [peer.first_token([n, 5]).token for n in range(3)] == [7, 8, 9]
        assert peer.first_token(range(200_000)).seconds >= 0


def test_what_an_engine_prints_is_no_answer(tmp_path: Path) -> None:
    with _start(tmp_path, _answering("print('{}', flush=True); os.system('echo {}'); return 4")) as peer:
        assert peer.first_token([1]).token == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise OSError('no weights')", "ended with status 1: .*no weights"),
        ("def load(settings): return 5, None", "answered .*not what was asked"),
        ("import time\ntime.sleep(100)", "said nothing for 1 s"),
        ("import os\nos.kill(os.getpid(), 9)", "ended with status -9"),
    ],
)
def test_one_that_does_not_load(tmp_path: Path, text: str, said: str) -> None:
    begun = time.monotonic()
    with pytest.raises(BackendUnavailable, match=said):
        _start(tmp_path, text, 1.0)
    assert time.monotonic() - begun < 8


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("sys.exit('out of memory')", "ended with status 1: .*out of memory"),
        ("os.close(0); time.sleep(1); os._exit(0)", "ended with status 0"),
        ("return 'token'", "not what was asked"),
        ("return None", "not what was asked"),
    ],
)
def test_one_that_does_not_answer(tmp_path: Path, body: str, said: str) -> None:
    with _start(tmp_path, _answering(body), 5.0) as peer, pytest.raises(BackendUnavailable, match=said):
        peer.first_token([1])


def test_one_that_takes_no_prompt(tmp_path: Path) -> None:
    text = "import time\ndef load(settings):\n    return '1', lambda tokens: time.sleep(100)\n"
    with _start(tmp_path, text, 1.0) as peer:
        with pytest.raises(BackendUnavailable, match="said nothing"):
            peer.first_token([1])
        with pytest.raises(BackendUnavailable, match="took no prompt"):
            peer.first_token(range(1_000_000))


def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    text = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)'])\n"
        "def load(settings): return str(child.pid), len\n"
    )
    with _start(tmp_path, text) as peer:
        child = int(peer.version)
        os.kill(child, 0)
    for _ in range(100):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or ") Z" in state.read_text():
            return
        time.sleep(0.05)
    pytest.fail("still running")


def test_a_program_that_talks_otherwise(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable, match=r"answered .*answer.py.*not what was asked"):
        PeerProcess("engine", "echo", tmp_path / "engine.py", {}, {})


def test_a_python_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable, match="cannot be started"):
        PeerProcess("engine", str(tmp_path / "python"), tmp_path / "engine.py", {}, {})
