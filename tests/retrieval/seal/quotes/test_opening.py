"""The finder of a real index: what it opens, what it refuses, and how `skerry quote` prints it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from skerry.core.deadline import Deadline
from skerry.core.errors import IndexCorrupt, IndexNotReady, InvalidInput
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.index.reader import Index
from skerry.retrieval.seal.leg import INDEX_FILE
from skerry.retrieval.seal.quotes.opening import open_quotes
from skerry.services.cli.quote import quote

TEXT = "alan stevenson built the Bell Rock lighthouse, which a zyzzyva lit in 1844"


def test_a_built_index_answers(index_folder: Path) -> None:
    with Index.open(index_folder) as index:
        quotes = open_quotes(index).find(TEXT, Deadline())
        assert [(q.text, q.supported, q.count) for q in quotes] == [
            ("alan stevenson built", True, 1),
            ("stevenson built the Bell Rock lighthouse", True, 1),
            ("zyzzyva", False, 0),
            ("lit in 1844", True, 1),
        ]
        assert open_quotes(index, 0).find(TEXT, Deadline())[0].places == ()


def test_no_language_model_is_loaded(index_folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from skerry.core.deadline import Deadline\n"
        "from skerry.retrieval.index.reader import Index\n"
        "from skerry.retrieval.seal.quotes.opening import open_quotes\n"
        "with Index.open(Path(sys.argv[1])) as index:\n"
        "    assert open_quotes(index).find('Alan Stevenson', Deadline())\n"
        "assert not {'torch', 'transformers'} & set(sys.modules), 'heavy'\n"
    )
    subprocess.run([sys.executable, "-c", code, str(index_folder)], check=True, timeout=120)


def test_an_index_without_the_leg_says_how_to_get_it(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(json.dumps({"id": "a", "title": "A", "text": "A light."}))
    spec = BuildSpec(corpus, "jsonl", ("bm25",))
    build_index(
        spec, tmp_path / "index", engine=SerialEngine(), models=ModelStore(), progress=SilentProgress()
    )
    with Index.open(tmp_path / "index") as index, pytest.raises(IndexNotReady, match="--legs bm25,seal"):
        open_quotes(index)


def test_a_damaged_file_is_named(index_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(index_folder, tmp_path / "index")
    [file] = (tmp_path / "index").rglob(INDEX_FILE)
    file.write_bytes(b"?" * 100 + file.read_bytes()[100:])
    with (
        Index.open(tmp_path / "index", verify="sizes") as index,
        pytest.raises(IndexCorrupt, match=INDEX_FILE),
    ):
        open_quotes(index)


def test_the_command_prints_places_and_what_is_unsupported(index_folder: Path) -> None:
    done = CliRunner().invoke(quote, [TEXT, "--index", str(index_folder)])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "»alan stevenson built«  once",
        "    Skerryvore (skerryvore#0)",
        "        »Alan Stevenson built« it. It was lit in 1844, and stands off Tiree.",
    ]
    assert "»zyzzyva«  unsupported" in lines


def test_the_command_prints_json_and_reads_standard_input(index_folder: Path) -> None:
    done = CliRunner().invoke(quote, ["-", "--index", str(index_folder), "--json"], input=TEXT)
    found = json.loads(done.stdout)
    assert found["text"] == TEXT
    first, *_ = found["quotes"]
    start, end = first["span"]
    assert TEXT[start:end] == first["text"] == "alan stevenson built"
    assert first["places"] == [
        {
            "passage": "skerryvore#0",
            "title": "Skerryvore",
            "span": [0, 20],
            "quote": "Alan Stevenson built",
            "in_title": False,
        }
    ]


def test_the_command_says_what_it_cannot_use(index_folder: Path) -> None:
    index = ["--index", str(index_folder)]
    assert CliRunner().invoke(quote, ["x", *index, "--places", "101"]).exit_code == 2
    assert CliRunner().invoke(quote, ["x", *index, "--timeout", "0"]).exit_code == 2
    assert CliRunner().invoke(quote, ["x"]).exit_code == 2
    done = CliRunner().invoke(quote, ["the of", *index])
    assert (done.exit_code, done.stdout) == (0, "")
    assert "no word" in done.stderr
    with pytest.raises(InvalidInput, match="Unicode"):
        CliRunner().invoke(quote, ["-", *index], input=b"a \xff", catch_exceptions=False)
