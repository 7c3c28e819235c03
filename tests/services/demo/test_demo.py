"""The demo command as a user runs it: twice, the second time from what the first left."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from skerry.core.errors import BackendUnavailable
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.corpus.readers import open_corpus
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.services.demo.ask import QUESTIONS
from skerry.services.demo.service import running_services
from skerry.services.indexing.local import LocalEngine

_LIMIT = 3


def _demo(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "skerry",
        "demo",
        "--folder",
        str(folder),
        "--limit",
        str(_LIMIT),
        *flags,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)


def _without_changes(folder: Path) -> dict[str, tuple[int, int]]:
    """What a second run must leave alone, by path: size and time of change."""
    files = [
        path
        for part in ("index/versions", "predictions")
        for path in (folder / part).rglob("*.*")
        if path.is_file()
    ]
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.suffix != ".lock"
    }


@pytest.mark.models
def test_the_demo_indexes_serves_asks_and_measures_and_the_second_run_starts_from_what_is_there(
    models: ModelStore, tmp_path: Path
) -> None:
    first = _demo(tmp_path, "--json")
    assert first.returncode == 0, first.stderr
    report: dict[str, Any] = json.loads(first.stdout)
    pages = {page.id: page for page in open_corpus(Path("pydoc"), "pydoc")}
    assert report["index"]["pages"] == len(pages)

    assert [asked["question"] for asked in report["questions"]] == list(QUESTIONS)
    for asked in report["questions"]:
        assert asked["answer"] or asked["abstention"]
        assert {"retrieve", "total"} <= set(asked["seconds"])
        assert asked["references"]
        for reference in asked["references"][:3]:
            assert reference["page"] in pages
            assert {leg["leg"] for leg in reference["legs"]} <= {"bm25", "dense"}
            assert reference["legs"]
        texts = {reference["passage"]: reference["text"] for reference in asked["references"]}
        for citation in asked["citations"]:
            start, end = citation["span"]
            assert texts[citation["passage"]][start:end] == citation["quote"]
            assert citation["quote"]
    assert any(asked["citations"] for asked in report["questions"])

    systems = report["table"]["systems"]
    assert {"bm25", "dense", "rrf"} < set(systems)
    answered = next(row["metrics"] for row in systems.values() if "em" in row["metrics"])
    assert 0 <= answered["KILT-em"] <= answered["em"] <= answered["f1"] <= 1
    assert systems["rrf"]["metrics"]["hit@20"] > 0
    guesses = (Path(report["predictions"]) / "answers.jsonl").read_text().splitlines()
    assert len(guesses) == _LIMIT

    before = _without_changes(tmp_path)
    second = _demo(tmp_path)
    assert second.returncode == 0, second.stderr
    assert _without_changes(tmp_path) == before
    for question in QUESTIONS:
        assert question in second.stdout
    assert "cited" in second.stdout
    assert "KILT-f1" in second.stdout
    assert "nothing to do" in second.stderr


def test_services_that_cannot_start_show_the_end_of_their_log(tmp_path: Path) -> None:
    log = tmp_path / "serve.log"
    with (
        pytest.raises(BackendUnavailable, match=f"(?s)before they were ready: .+{log}"),
        running_services(tmp_path / "no-index-here", log),
    ):
        pass


_SERVE_AND_WAIT = """
import sys, time
from pathlib import Path
from skerry.services.demo.service import running_services

with running_services(Path(sys.argv[1]), Path(sys.argv[2])) as address:
    print(address, flush=True)
    time.sleep(600)
"""


def test_a_terminated_demo_takes_its_services_along(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "one.txt").write_text("A line of text.")
    index = tmp_path / "index"
    spec = BuildSpec(corpus=tmp_path / "notes", format="text", legs=("bm25",))
    build_index(spec, index, engine=LocalEngine(1), models=ModelStore(), progress=SilentProgress())
    command = [sys.executable, "-c", _SERVE_AND_WAIT, str(index), str(tmp_path / "serve.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        host, _, port = process.stdout.readline().strip().rpartition(":")
        socket.create_connection((host, int(port)), 5).close()
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), 5)


def test_bad_use_is_told_and_makes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    run = subprocess.run(
        [sys.executable, "-m", "skerry", "demo", "--folder", str(folder), "--limit", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert run.returncode == 2
    assert "--limit" in run.stderr
    assert not folder.exists()
