"""`skerry eval` as a user calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine

from ..ranking.tiny import write_vectors  # noqa: TID252 -- another room's model
from ..ranking.tiny_rankers import write_neural  # noqa: TID252 -- and its rankers


def skerry(*arguments: object, code: int = 0) -> tuple[str, str]:
    """(stdout, stderr) of one call of `skerry eval`."""
    command = [sys.executable, "-m", "skerry", "eval", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An index of three pages, `gold.jsonl`, `queries.jsonl` and `qrels.tsv`."""
    folder = tmp_path_factory.mktemp("eval")
    pages = {
        "tin": "Tin melts at 232 degrees.",
        "lead": "Lead melts at 327 degrees.",
        "gold": "Gold is soft.",
    }
    with (folder / "corpus.jsonl").open("w") as file:
        for page, text in pages.items():
            line = {"_id": page, "wikipedia_id": page, "wikipedia_title": page.title()}
            file.write(json.dumps({**line, "text": [page.title(), text]}) + "\n")
    with (folder / "gold.jsonl").open("w") as file:
        for number, (page, question, answer) in enumerate(
            [("tin", "When does tin melt?", "232 degrees"), ("gold", "What is soft?", "gold")]
        ):
            place = {"wikipedia_id": page, "start_paragraph_id": 1, "end_paragraph_id": 1}
            output = [{"answer": answer, "provenance": [place]}]
            file.write(json.dumps({"id": number, "input": question, "output": output}) + "\n")
    (folder / "queries.jsonl").write_text('{"_id": "1", "text": "soft gold"}\n{"_id": "2", "text": "x"}\n')
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n1\tgold\t1\n")
    build_index(
        BuildSpec(folder / "corpus.jsonl", "kilt", legs=("bm25",)),
        folder / "index",
        engine=SerialEngine(),
        models=ModelStore(folder / "models"),
        progress=SilentProgress(),
    )
    yield folder


def test_run_and_score(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run.jsonl"
    call = ("run", "--index", folder / "index", "--gold", folder / "gold.jsonl", "--out", out)
    stdout, stderr = skerry(*call)
    assert "hit@1" in stdout
    assert "bm25" in stdout
    assert "2/2 questions" in stderr
    found = json.loads(skerry(*call, "--json", "--quiet", "--ks", "1,2")[0])
    assert found["questions"] == 2
    assert found["files"] == {"bm25": str(out)}
    assert found["systems"]["bm25"]["metrics"]["hit@1"] == 1
    assert skerry(*call, "--markdown")[0].splitlines()[2].startswith("| system | hit@1 |")

    scored = json.loads(skerry("score", "--gold", folder / "gold.jsonl", "--guess", out, "--json")[0])
    assert scored["retrieval"]["Rprec"] == 1
    assert scored["downstream"] == {}
    lines = skerry("score", "--gold", folder / "gold.jsonl", "--guess", out, "--ks", "1")[0].splitlines()
    assert lines == ["retrieval\tRprec\t1.0000", "retrieval\tprecision@1\t1.0000"]

    _, stderr = skerry(*call, "--depth", 7, code=2)
    assert "other settings" in stderr
    skerry(*call, "--depth", 7, "--restart", "--limit", 1)
    assert len(out.read_text().splitlines()) == 1


def test_a_cascade(folder: Path, tmp_path: Path) -> None:
    vectors = ModelStore(tmp_path / "models").resolve(str(write_vectors(tmp_path / "vectors")))
    write_neural(tmp_path / "knrm", "knrm", vectors)
    write_neural(tmp_path / "drmm", "drmm", vectors)
    out = tmp_path / "run.jsonl"
    call = (
        *("run", "--index", folder / "index", "--gold", folder / "gold.jsonl", "--out", out, "--quiet"),
        *("--ranker", "knrm", "--ranker-folder", tmp_path / "knrm"),
    )
    cascade = (*call, "--cheap-ranker", f"drmm={tmp_path / 'drmm'}", "--strong-depth", 1)
    found = json.loads(skerry(*cascade, "--rank-margin", 0.9, "--json")[0])
    assert list(found["files"]) == ["bm25", "ranked"]
    assert found["ranking"]["lists"] == 2 and found["ranking"]["read"] == 1
    [first, *others] = json.loads(out.read_text().splitlines()[0])["output"][0]["provenance"]
    assert first["meta"]["score"] is not None
    assert all(other["meta"]["score"] is None for other in others)
    told = "knrm read 1.0 passages a question in"
    assert told in skerry(*cascade, "--rank-margin", 0.9, "--restart")[1]
    (tmp_path / "knrm" / "README.md").write_text("A card.")
    assert told not in skerry(*cascade, "--rank-margin", 0.9)[1]
    for changed in (call, cascade, (*cascade, "--rank-margin", 0.9, "--rank-block", 3)):
        assert "other settings" in skerry(*changed, code=2)[1]
    _, stderr = skerry(*call, "--cheap-ranker", "knrm", code=2)
    assert "both 'knrm'" in stderr
    _, stderr = skerry(*cascade, "--rank-margin", -2, code=2)
    assert "margin is -2.0" in stderr


def test_beir(folder: Path, tmp_path: Path) -> None:
    stdout, _ = skerry(
        *("run", "--index", folder / "index", "--gold", folder / "queries.jsonl"),
        *("--qrels", folder / "qrels.tsv", "--out", tmp_path / "run.jsonl", "--json"),
    )
    found = json.loads(stdout)
    assert found["questions"] == 1
    assert found["systems"]["bm25"]["metrics"]["nDCG@10"] == 1


def test_a_test_file_is_predicted_but_not_scored(folder: Path, tmp_path: Path) -> None:
    gold, out = tmp_path / "test.jsonl", tmp_path / "run.jsonl"
    gold.write_text('{"id": 1, "input": "tin"}\n')
    stdout, stderr = skerry("run", "--index", folder / "index", "--gold", gold, "--out", out)
    assert stdout == ""
    assert "no answers to score against" in stderr
    assert json.loads(out.read_text())["output"][0]["provenance"][0]["wikipedia_id"] == "tin"


def test_extra_predictions_are_told(folder: Path, tmp_path: Path) -> None:
    guess = tmp_path / "guess.jsonl"
    guess.write_text("".join(f'{{"id": {i}, "output": [{{"provenance": []}}]}}\n' for i in range(3)))
    stdout, stderr = skerry("score", "--gold", folder / "gold.jsonl", "--guess", guess)
    assert "1 predictions have no gold question: 2" in stderr
    assert "recall@20\t0.0000" in stdout


def test_bad_calls(folder: Path, tmp_path: Path) -> None:
    gold, out = folder / "gold.jsonl", tmp_path / "run.jsonl"
    call = ("run", "--index", folder / "index", "--gold", gold, "--out", out)
    for arguments, code, message in (
        ((*call, "--legs", "bm52"), 2, "bm25"),
        ((*call, "--legs", "dense"), 1, "without the leg 'dense'"),
        ((*call, "--legs", "bm25,bm25"), 2, "each once"),
        ((*call, "--fusion", "rff"), 2, "rrf"),
        ((*call, "--ks", "1,x"), 2, "--ks '1,x'"),
        ((*call, "--ks", "0"), 2, "positive whole numbers"),
        ((*call, "--limit", 0), 2, "--limit"),
        ((*call, "--task", "sing"), 2, "--task"),
        ((*call, "--min-confidence", "0.5"), 2, "needs --ranker"),
        ((*call, "--ranker", "cross-encode"), 2, "cross-encoder"),
        ((*call, "--ranker-folder", tmp_path), 2, "need --ranker"),
        ((*call, "--cheap-ranker", "drmm"), 2, "need --ranker"),
        ((*call, "--strong-depth", "9"), 2, "need --ranker"),
        ((*call, "--qrels", folder / "qrels.tsv", "--task", "answer"), 2, "no answers"),
        ((*call, "--qrels", gold), 2, "fields instead of 3"),
        (("run", "--index", tmp_path / "none", "--gold", gold, "--out", out), 1, str(tmp_path / "none")),
        (("run", "--index", folder / "index", "--gold", tmp_path / "x", "--out", out), 2, "no gold file"),
        (("score", "--gold", gold, "--guess", tmp_path / "x"), 2, "no prediction file"),
        (
            ("score", "--gold", gold, "--guess", gold, "--rank-keys", "section"),
            2,
            "lacks one of the rank keys",
        ),
        (("score", "--gold", gold, "--guess", folder / "corpus.jsonl"), 2, "corpus.jsonl:1: the id is None"),
    ):
        _, stderr = skerry(*arguments, code=code)
        assert message in stderr
    assert not out.exists()
