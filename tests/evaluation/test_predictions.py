"""Prediction files: KILT's form, resumption after a crash at any byte, and files that must not be mixed."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from skerry.core.errors import AlreadyExists, BackendUnavailable, InvalidInput
from skerry.evaluation.gold import Record, parse_record, read_gold
from skerry.evaluation.predictions import PredictionFiles, encode, prediction, provenance_of, system_paths
from skerry.retrieval.corpus.records import Passage, Span

QUESTIONS = [
    parse_record(json.dumps({"id": raw, "input": f"question {i} é"}).encode(), f"gold:{i}")
    for i, raw in enumerate(["a", 7, ' "q" ', "d"])
]
SYSTEMS = ["bm25", "rrf"]
PARAMETERS: dict[str, Any] = {"index": "abc", "legs": [["bm25", 100, 1.0, {}]]}


def line(question: Record, system: str) -> dict[str, Any]:
    return prediction(question, [{"wikipedia_id": system}], "an answer")


def batch(*numbers: int) -> list[dict[str, dict[str, Any]]]:
    return [{system: line(QUESTIONS[i], system) for system in SYSTEMS} for i in numbers]


def opened(out: Path, questions: list[Record] = QUESTIONS, **options: Any) -> PredictionFiles:
    return PredictionFiles(out, SYSTEMS, questions, options.pop("parameters", PARAMETERS), **options)


def test_a_passage_as_provenance() -> None:
    passage = Passage(5, "p#2", "p", "Page", "History", "text", Span(3, 10, 4, 20))
    assert provenance_of(passage, 1 / 3) == {
        "wikipedia_id": "p",
        "title": "Page",
        "section": "History",
        "start_paragraph_id": 3,
        "start_character": 10,
        "end_paragraph_id": 4,
        "end_character": 20,
        "meta": {"passage_id": "p#2", "score": 0.333333},
    }


@pytest.mark.parametrize("score", [-math.inf, math.nan])
def test_a_score_that_json_does_not_know(score: float) -> None:
    passage = Passage(0, "p#0", "p", "Page", "", "text", Span(1, 0, 1, 4))
    provenance = provenance_of(passage, score)
    assert provenance["meta"]["score"] is None
    assert b"null" in encode(provenance)


def test_a_line() -> None:
    assert prediction(QUESTIONS[1], [], "x") == {
        "id": 7,
        "input": "question 1 é",
        "output": [{"answer": "x", "provenance": []}],
    }
    assert "answer" not in prediction(QUESTIONS[0], [])["output"][0]
    assert encode({"id": "\ud83d é"}) == b'{"id": "\\ud83d \\u00e9"}\n'


def test_paths() -> None:
    paths = system_paths(Path("x/run.jsonl"), ["bm25", "dense", "ranked"])
    assert list(paths.items()) == [
        ("bm25", Path("x/run.bm25.jsonl")),
        ("dense", Path("x/run.dense.jsonl")),
        ("ranked", Path("x/run.jsonl")),
    ]


def test_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "run.jsonl"
    with opened(out) as files:
        assert files.done == 0
        files.append(batch(0, 1))
        assert files.done == 2
    with opened(out) as files:
        assert files.done == 2
        files.append(batch(2))
    with opened(out) as files:
        assert files.done == 3
        files.append(batch(3))
    for system, path in system_paths(out, SYSTEMS).items():
        assert path.read_bytes() == b"".join(encode(line(question, system)) for question in QUESTIONS)
        assert [record.raw_id for record in read_gold(path)] == ["a", 7, ' "q" ', "d"]


def test_a_cut_at_any_byte_loses_only_what_was_cut(tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    with opened(out) as files:
        files.append(batch(0, 1, 2))
    paths = list(system_paths(out, SYSTEMS).values())
    whole = [path.read_bytes() for path in paths]
    for cut in range(0, len(whole[0]) + 1, 3):
        paths[0].write_bytes(whole[0][:cut])
        paths[1].write_bytes(whole[1])
        left = whole[0][:cut].count(b"\n")
        with opened(out) as files:
            assert files.done == left
            files.append(batch(*range(left, 3)))
        assert [path.read_bytes() for path in paths] == whole


@pytest.mark.parametrize("point", ["predictions.append:bm25", "predictions.append:rrf=2"])
def test_killed_while_appending(tmp_path: Path, point: str) -> None:
    out = tmp_path / "run.jsonl"
    script = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path; import test_predictions as t\n"
        "with t.opened(Path(sys.argv[1])) as files:\n"
        "    for i in range(files.done, 4): files.append(t.batch(i))\n"
    )
    command = [sys.executable, "-c", script, str(out), str(Path(__file__).parent)]
    killed = subprocess.run(command, env={**os.environ, "SKERRY_FAILPOINT": point}, check=False)
    assert killed.returncode == -signal.SIGKILL
    subprocess.run(command, check=True)
    for system, path in system_paths(out, SYSTEMS).items():
        assert path.read_bytes() == b"".join(encode(line(question, system)) for question in QUESTIONS)


def test_a_smaller_limit_keeps_what_is_there(tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    with opened(out) as files:
        files.append(batch(0, 1, 2))
    before = out.read_bytes()
    with opened(out, QUESTIONS[:2]) as files:
        assert files.done == 2
    assert out.read_bytes() == before


def test_other_settings_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    with opened(out) as files:
        files.append(batch(0))
    with pytest.raises(InvalidInput, match=r"other settings: index was 'abc', now 'xyz'"):
        opened(out, parameters={**PARAMETERS, "index": "xyz"})
    with pytest.raises(InvalidInput, match="other settings: systems"):
        PredictionFiles(out, ["rrf"], QUESTIONS, PARAMETERS)
    with pytest.raises(InvalidInput, match=r"run\.bm25\.jsonl:1: the line is not of the question '7'"):
        opened(out, QUESTIONS[1:])
    with opened(out, parameters={**PARAMETERS, "index": "xyz"}, restart=True) as files:
        assert files.done == 0
    assert out.read_bytes() == b""


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    out.write_text("precious\n")
    with pytest.raises(InvalidInput, match="was not made by such a run"):
        opened(out)
    assert out.read_text() == "precious\n"
    out.unlink()
    (tmp_path / "run.jsonl.run.json").write_text("{")
    with pytest.raises(InvalidInput, match="damaged"):
        opened(out)
    (tmp_path / "run.jsonl.run.json").write_text("[]")
    with pytest.raises(InvalidInput, match="other settings"):
        opened(out)


def test_one_run_at_a_time(tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    with opened(out), pytest.raises(AlreadyExists, match="Another run"):
        opened(out)
    opened(out).close()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendUnavailable):
        opened(tmp_path / "file" / "run.jsonl")
