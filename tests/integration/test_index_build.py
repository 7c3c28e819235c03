"""`skerry index` as a user runs it: builds that are killed and run again, and what every command prints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skerry.core.deadline import Deadline
from skerry.core.models.store import ModelStore
from skerry.retrieval.index.reader import Index


def _skerry(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "skerry", "index", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def _write_corpus(path: Path, pages: int) -> None:
    with path.open("w") as file:
        for number in range(pages):
            paragraphs = [
                " ".join(f"Page {number} counts to {place} in part {part}." for place in range(12))
                for part in range(5)
            ]
            page = {"_id": f"p{number}", "wikipedia_id": f"p{number}", "wikipedia_title": f"Page {number}"}
            file.write(json.dumps({**page, "text": [f"Page {number}", *paragraphs], "anchors": []}) + "\n")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Forty pages of plain sentences, as JSON lines of KILT."""
    path = tmp_path / "corpus.jsonl"
    _write_corpus(path, 40)
    return path


@pytest.fixture
def command(corpus: Path, tmp_path: Path) -> tuple[str, ...]:
    """A build of the corpus with bm25 into `tmp_path / "index"`."""
    paths = ("--corpus", str(corpus), "--out", str(tmp_path / "index"))
    return ("build", *paths, "--format", "kilt", "--legs", "bm25", "--workers", "2", "--quiet")


def test_random_kills(repository: Path, tmp_path: Path) -> None:
    script = repository / "tests" / "acceptance" / "kill_build.py"
    command = [sys.executable, str(script), "--kills", "3", "--pages", "600", "--work", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the same result hash" in done.stdout


def test_a_worker_that_dies(command: tuple[str, ...], tmp_path: Path) -> None:
    for point in ("shard.passages", "piece.before_rename", "piece.after_rename", "shard.bm25"):
        died = _skerry(*command, SKERRY_FAILPOINT=point)
        assert died.returncode == 1, point
        assert "SIGKILL" in died.stderr
        assert "resumes" in died.stderr
        assert "Traceback" not in died.stderr
        assert not (tmp_path / "index" / "CURRENT").exists()
    assert _skerry(*command).returncode == 0


@pytest.mark.parametrize("point", ["stage.assemble", "stage.finished", "build.published"])
def test_a_build_that_dies_between_stages(command: tuple[str, ...], tmp_path: Path, point: str) -> None:
    whole = json.loads(_skerry(*command[:-1], "--json", "--out", str(tmp_path / "whole")).stdout)
    assert _skerry(*command, SKERRY_FAILPOINT=point).returncode == -signal.SIGKILL
    again = _skerry(*command, "--json")
    assert again.returncode == 0, again.stderr
    found = json.loads(again.stdout)
    assert found["result_hash"] == whole["result_hash"]
    assert found["published"] is (point != "build.published")
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == [
        ".build.lock",
        "CURRENT",
        "versions",
    ]


def test_two_builds_at_once(command: tuple[str, ...], tmp_path: Path) -> None:
    first = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import sys, time\n"
            "from pathlib import Path\n"
            "from skerry.retrieval.index.lock import build_lock\n"
            "Path(sys.argv[1]).mkdir()\n"
            "with build_lock(Path(sys.argv[1])):\n"
            "    print('locked', flush=True)\n"
            "    time.sleep(60)\n",
            str(tmp_path / "index"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with first:
        assert first.stdout
        first.stdout.readline()
        second = _skerry(*command)
        assert second.returncode == 1
        assert f"process {first.pid} is building" in second.stderr
        first.kill()
    assert _skerry(*command).returncode == 0


def test_interrupted_from_the_keyboard(command: tuple[str, ...], corpus: Path, tmp_path: Path) -> None:
    # Large enough that the build cannot end between its first shard and the signal.
    _write_corpus(corpus, 1000)
    process = subprocess.Popen(
        [sys.executable, "-m", "skerry", "index", *command],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Where the tests run behind a shell's `&`, the signal is ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        shards = tmp_path / "index" / "build"
        while process.poll() is None and not any(shards.glob("*/shards/*")):
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr
        said = process.stderr.read()
    assert process.returncode == 130, said
    assert "Interrupted" in said
    assert "Traceback" not in said
    assert _skerry(*command).returncode == 0


def test_the_commands(command: tuple[str, ...], tmp_path: Path) -> None:
    out = str(tmp_path / "index")
    built = _skerry(*command)
    assert built.returncode == 0, built.stderr
    for word in ("passages", "seconds", "peak memory", "size", "result hash"):
        assert word in built.stdout
    info = json.loads(_skerry("info", out, "--json").stdout)
    assert info["corpus"]["pages"] == 40
    assert info["legs"]["bm25"]["parameters"]["b"] == 0.4
    assert info["size"] == sum(entry["size"] for entry in info["files"].values())
    assert info["result_hash"] in _skerry("info", out).stdout
    again = _skerry(*command)
    assert again.returncode == 0
    assert "nothing to do" in again.stderr
    other = json.loads(_skerry(*command, "--set", "bm25.b=0.5", "--set", "bm25.stem=false", "--json").stdout)
    assert other["legs"]["bm25"]["parameters"]["b"] == 0.5
    assert other["legs"]["bm25"]["parameters"]["stem"] is False
    versions = json.loads(_skerry("versions", out, "--json").stdout)
    assert [version["current"] for version in versions] == [False, True]
    listed = _skerry("versions", out).stdout.splitlines()
    assert listed[1].startswith(f"* {other['version']}")
    activated = _skerry("activate", out, info["version"])
    assert activated.returncode == 0, activated.stderr
    with Index.open(tmp_path / "index") as index:
        assert index.version == info["version"]
        (found,) = index.retriever("bm25").retrieve(["page 7 counts to 3"], 1, {}, Deadline())
        assert index.passages[int(found.ordinals[0])].page_id == "p7"


def test_verify(command: tuple[str, ...], tmp_path: Path) -> None:
    assert _skerry(*command).returncode == 0
    out = str(tmp_path / "index")
    good = _skerry("verify", out, "--quiet")
    assert good.returncode == 0
    assert good.stdout.count("good") == len(good.stdout.splitlines())
    (blob,) = (tmp_path / "index").glob("versions/*/passages/text.blob")
    (columns,) = (tmp_path / "index").glob("versions/*/passages/pages.col")
    blob.write_bytes(blob.read_bytes()[:-1] + b"?")
    columns.unlink()
    bad = _skerry("verify", out, "--quiet", "--json")
    assert bad.returncode == 1
    assert "text.blob" in bad.stderr
    assert "pages.col" in bad.stderr
    report = json.loads(bad.stdout)
    assert report["problems"] == 2


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("--legs", "bm52"), "bm25"),
        (("--legs", ""), "at least one leg"),
        (("--format", "klit"), "kilt"),
        (("--corpus", "/nowhere/at-all"), "/nowhere/at-all"),
        (("--set", "b=1"), "LEG.PARAMETER=VALUE"),
        (("--set", "bm25.bb=1"), "no parameter 'bb'"),
        (("--chunk-words", "0"), "0 words"),
        (("--workers", "0"), "Workers"),
        (("--keep", "0"), "version"),
        (("--engine", "slurm"), "slurm"),
    ],
)
def test_wrong_usage(command: tuple[str, ...], change: tuple[str, ...], word: str) -> None:
    done = _skerry(*command, *change)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_a_corpus_that_needs_no_path(tmp_path: Path) -> None:
    command = ("build", "--legs", "bm25", "--out", str(tmp_path / "index"), "--quiet", "--json", "--format")
    done = _skerry(*command, "pydoc")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["corpus"]["pages"] > 50
    refused = _skerry(*command, "kilt")
    assert refused.returncode == 2
    assert "--corpus" in refused.stderr


def test_short_paragraphs_are_packed_or_not(command: tuple[str, ...], tmp_path: Path) -> None:
    for choice, passages in (("--pack", 40), ("--no-pack", 200)):
        done = _skerry(*command, "--json", "--chunk-words", "1000", choice, "--out", str(tmp_path / choice))
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["corpus"]["passages"] == passages


def test_dense(models: ModelStore, command: tuple[str, ...], tmp_path: Path) -> None:
    done = _skerry(*command, "--legs", "bm25,dense", SKERRY_MODELS=str(models.folder))
    assert done.returncode == 0, done.stderr
    with Index.open(tmp_path / "index", models=models) as index:
        assert index.legs == ("bm25", "dense")
        (found,) = index.retriever("dense").retrieve([index.passages[9].text], 1, {}, Deadline())
        assert index.passages[int(found.ordinals[0])].page_id == index.passages[9].page_id
