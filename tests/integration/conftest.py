"""Real servers: processes of `skerry serve` on loopback ports, over a small real index."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine

PAGES = {
    "Lighthouses": "A lighthouse is a tower that sends light to guide ships at night. The keeper of the"
    " Skerry lighthouse was called Maren Holt. She kept the lamp burning for thirty one years.",
    "Tides": "Tides are the rise and fall of the sea. They are caused by the pull of the moon and the sun. A"
    " spring tide comes at full moon and new moon.",
    "Kelp": "Kelp is a large brown seaweed. It grows in cold water and can reach forty metres. Sea urchins"
    " graze on kelp forests.",
    "Puffins": "Puffins are small seabirds with bright beaks. They nest in burrows on island cliffs. A puffin"
    " can carry ten fish in its beak at once.",
}
_START_SECONDS = 120


@dataclass
class Server:
    """A running server process."""

    process: subprocess.Popen[str]
    address: str
    log: Path
    status: int | None = field(default=None)

    def stop(self, patience: float = 60) -> int:
        """SIGTERM, then the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.status = self.process.wait(patience)
        return self.status

    def logged(self) -> str:
        return self.log.read_text("utf-8")


Start = Callable[..., Server]


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start `skerry serve ROLE ARGUMENTS` and wait until it prints its address."""
    servers: list[Server] = []
    folder = tmp_path_factory.mktemp("servers")

    def run(role: str, *arguments: str, **variables: str) -> Server:
        log = folder / f"{len(servers)}.log"
        command = [sys.executable, "-m", "skerry", "serve", role, "--listen", "127.0.0.1:0", *arguments]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
        with log.open("w") as err:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=err, text=True, env=environment
            )
        assert process.stdout is not None
        server = Server(process, "", log)
        servers.append(server)
        began = time.monotonic()
        server.address = process.stdout.readline().strip()
        assert server.address, f"{command} printed no address:\n{server.logged()}"
        assert time.monotonic() - began < _START_SECONDS
        return server

    yield run
    for server in servers:
        if server.process.poll() is None:
            server.process.send_signal(signal.SIGTERM)
    for server in servers:
        try:
            server.process.wait(30)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()
        if server.process.stdout is not None:
            server.process.stdout.close()


@pytest.fixture(scope="session")
def corpus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pages as JSON lines."""
    path = tmp_path_factory.mktemp("corpus") / "sea.jsonl"
    lines = [{"id": title.lower(), "title": title, "text": text} for title, text in PAGES.items()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture(scope="session")
def bm25_index(tmp_path_factory: pytest.TempPathFactory, corpus_file: Path) -> Path:
    """A small index with the lexical leg."""
    out = tmp_path_factory.mktemp("index") / "bm25"
    spec = BuildSpec(corpus=corpus_file, format="jsonl", legs=("bm25",))
    build_index(spec, out, engine=SerialEngine(), models=ModelStore(), progress=SilentProgress())
    return out


@pytest.fixture(scope="session")
def no_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a machine on which no model was pulled."""
    return {"SKERRY_MODELS": str(tmp_path_factory.mktemp("models"))}


@pytest.fixture(scope="session")
def plain(
    start: Start, bm25_index: Path, tmp_path_factory: pytest.TempPathFactory, no_models: dict[str, str]
) -> Server:
    """Every service, one index, a data folder, an import folder, and no models."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "in").mkdir()
    return start(
        "all",
        f"--index={bm25_index}",
        f"--data={folder / 'data'}",
        f"--import-folder={folder / 'in'}",
        "--log-format=json",
        **no_models,
    )
