"""`skerry bench elastic` on a small encoder, beside `skerry eval run` with the leg dense."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from skerry.core.errors import BackendUnavailable, InvalidInput, NotFound
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.corpus.chunking import Chunking
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.services.cli.bench import bench
from skerry.services.cli.eval import evaluate

from .conftest import QUESTIONS, Made

LAYERS, DIMENSIONS = (2, 4), (8, 16, 32)
HITS = ("1", "5", "20", "100")


def call(made: Made, out: Path, *arguments: object) -> str:
    """What the command prints."""
    words = ["elastic", "--index", made.indexes["none"], "--gold", made.gold, "--out", out, "--dtype", "fp32"]
    words += ["--model", made.model, "--rounds", 0, "--quiet", *arguments]
    return CliRunner().invoke(bench, [str(word) for word in words], catch_exceptions=False).stdout


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def report(made: Made, out: Path) -> dict[str, Any]:
    arguments: list[object] = [
        "--adapters",
        f"none,{made.adapter}",
        "--layers",
        "2,4",
        "--dimensions",
        "8,16,32",
    ]
    arguments += ["--sts", made.pairs, "--other", f"again={made.indexes['none']}:{made.gold}"]
    arguments += ["--other", f"beir={made.beir}", "--rounds", 1, "--threads", 1, "--json"]
    printed: dict[str, Any] = json.loads(call(made, out, *arguments))
    assert printed == json.loads((out / "report.json").read_text())
    return printed


def evaluated(made: Made, tmp_path: Path, adapter: str, options: dict[str, int]) -> dict[str, float]:
    """The leg's metrics in an evaluation."""
    tmp_path.mkdir(exist_ok=True)
    words = ["run", "--index", made.indexes[adapter], "--gold", made.gold, "--out", tmp_path / "run.jsonl"]
    words += ["--quiet", "--json"]
    for name, value in options.items():
        words += ["--set", f"dense.{name}={value}"]
    done = CliRunner().invoke(evaluate, [str(word) for word in words], catch_exceptions=False)
    metrics: dict[str, float] = json.loads(done.stdout)["systems"]["dense"]["metrics"]
    return metrics


def hits(metrics: dict[str, float]) -> dict[str, float]:
    return {k: metrics[f"hit@{k}"] for k in HITS}


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(("layers", "dimensions"), [(2, 8), (4, 16), (4, 32)])
def test_cells_are_what_an_evaluation_says(
    made: Made, report: dict[str, Any], tmp_path: Path, number: int, layers: int, dimensions: int
) -> None:
    encoder = report["encoders"][number]
    assert encoder["adapter"] == ("none", "trained")[number]
    assert [(cell["layers"], cell["dimensions"]) for cell in encoder["cells"]] == [
        (depth, width) for depth in LAYERS for width in DIMENSIONS
    ]
    options = {"layers": layers, "document_layers": layers, "dimensions": dimensions}
    adapter = ("none", str(made.adapter))[number]
    expected = evaluated(made, tmp_path, adapter, {**options, "rescore_dimensions": dimensions})
    [cell] = [c for c in encoder["cells"] if (c["layers"], c["dimensions"]) == (layers, dimensions)]
    assert cell["hits"] == hits(expected)
    if (layers, dimensions) == (4, 32):
        assert encoder["ways"][0]["hits"] == hits(expected)
        assert encoder["others"]["again"].items() <= expected.items()


def test_ways_are_what_an_evaluation_says(made: Made, report: dict[str, Any], tmp_path: Path) -> None:
    ways = {way["name"]: way for way in report["encoders"][0]["ways"]}
    assert list(ways) == [
        "4 layers, 32 dimensions",
        "2 layers, 32 dimensions",
        "2 layers, 8 dimensions",
        "2 layers, 8 dimensions, best 48 rescored",
        "questions 2 layers, passages 4, 32 dimensions",
        "questions 2 layers, passages 4, 8 dimensions",
        "questions 2 layers, passages 4, 8 dimensions, best 48 rescored",
    ]
    # All passages are rescored: the first stage does not count.
    assert ways["2 layers, 8 dimensions, best 48 rescored"]["hits"] == ways["2 layers, 32 dimensions"]["hits"]
    across = evaluated(made, tmp_path, "none", {"layers": 2, "document_layers": 4})
    assert ways["questions 2 layers, passages 4, 8 dimensions, best 48 rescored"]["hits"] == hits(across)
    whole = ways["4 layers, 32 dimensions"]["hits"]["5"]
    for way in ways.values():
        assert way["share"] == pytest.approx(way["hits"]["5"] / whole)


def test_the_rest_of_the_report(report: dict[str, Any]) -> None:
    assert (report["questions"], report["passages"], report["processors"]) == (QUESTIONS, 48, 1)
    untrained, trained = report["encoders"]
    assert untrained["weights_sha256"] == "" != trained["weights_sha256"]
    assert untrained["cells"] != trained["cells"]
    assert set(untrained["others"]["beir"]) == {"nDCG@10", "recall@100", "MRR@10"}
    assert untrained["others"]["beir"]["recall@100"] == 1
    assert all(-1 <= cell["spearman"] <= 1 for cell in trained["cells"])
    assert [speed["layers"] for speed in report["speeds"]] == [2, 4]
    assert all(speed["passages_a_second"] > 0 and speed["question_ms"] > 0 for speed in report["speeds"])
    [flat, *_] = untrained["funnel"]
    assert (flat["recall"], flat["operations"]) == (1, 48 * 32)


def test_tables_and_plots(made: Made, out: Path, report: dict[str, Any]) -> None:
    vectors = {path: path.stat().st_mtime_ns for path in out.rglob("*.npy")}
    assert len(vectors) == 2 * 2 + 2
    shown = call(made, out, "--adapters", f"none,{made.adapter}", "--layers", "2,4", "--markdown")
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.npy")} == vectors
    cells = {(c["layers"], c["dimensions"]): c["hits"]["5"] for c in report["encoders"][1]["cells"]}
    row = " | ".join(f"{cells[2, width]:.3f}" for width in DIMENSIONS)
    assert f"| 2 layers, trained | {row} |\n" in shown
    assert "Spearman" not in shown and "again" not in shown and "times faster" not in shown
    for name in ("quality.png", "grid.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")


def test_fewer_questions(made: Made, out: Path) -> None:
    plain: list[object] = ["--adapters", "none", "--no-funnel", "--no-plots", "--json", "--limit", 4]
    first = json.loads(call(made, out, *plain))
    spread = json.loads(call(made, out, *plain, "--spread"))
    assert first["questions"] == spread["questions"] == 4
    assert first["encoders"][0]["funnel"] == []
    assert first["encoders"][0]["cells"] != spread["encoders"][0]["cells"]


def test_one_vector_a_passage_is_what_an_evaluation_says(made: Made, tmp_path: Path) -> None:
    plain: list[object] = ["--adapters", "none", "--layers", "4", "--dimensions", "8,32", "--no-plots"]
    plain += ["--vectors", "passage", "--other", f"again={made.indexes['none']}:{made.gold}"]
    report = json.loads(call(made, tmp_path / "bench", *plain, "--json"))
    assert report["vectors"] == "passage"
    assert report["encoders"][0]["rows"] == report["passages"]
    assert "the best of" not in call(made, tmp_path / "bench", *plain)
    corpus = made.gold.with_name("corpus.jsonl")
    parameters = {"model": str(made.model), "dtype": "fp32", "adapter": "none", "vectors": "passage"}
    spec = BuildSpec(corpus, "kilt", ("dense",), {"dense": parameters}, Chunking(words=8))
    build_index(
        spec, tmp_path / "index", engine=SerialEngine(), models=ModelStore(), progress=SilentProgress()
    )
    single = replace(made, indexes={"none": tmp_path / "index"})
    [encoder] = report["encoders"]
    for cell in encoder["cells"]:
        size = {"dimensions": cell["dimensions"]}
        assert cell["hits"] == hits(evaluated(single, tmp_path / str(size), "none", size))
    assert encoder["others"]["again"].items() <= evaluated(single, tmp_path / "all", "none", {}).items()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("--adapters", "shipped"), NotFound, "No adapter is shipped for the model"),
        (("--adapters", "/nowhere"), NotFound, "/nowhere"),
        (("--adapters", "none,none"), InvalidInput, "each once"),
        (("--adapters", ","), InvalidInput, "at least one"),
        (("--layers", "0"), InvalidInput, "--layers"),
        (("--layers", "2,99"), InvalidInput, "--layers must be from 1 to 4"),
        (("--dimensions", "7"), InvalidInput, "--dimensions must be from 8 to 32"),
        (("--dimensions", "1000"), InvalidInput, "--dimensions must be from 8 to 32"),
        (("--dimensions", "wide"), InvalidInput, "--dimensions"),
        (("--other", "scifact"), InvalidInput, "'scifact' is no question set"),
        (("--other", "one=/a:/b:/c:/d"), InvalidInput, "no question set"),
        (("--model", "/nowhere"), NotFound, "/nowhere"),
    ],
)
def test_bad_input(
    arguments: tuple[str, str], error: type[Exception], message: str, made: Made, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        call(made, tmp_path / "out", "--adapters", "none", *arguments)
    assert not (tmp_path / "out").exists()


def test_what_is_missing_is_said_before_the_work(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = ["--index", str(made.indexes["none"]), "--gold", str(made.gold), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(bench, ["elastic", *paths, "--spread"])
    assert (done.exit_code, "--spread needs --limit" in done.stderr) == (2, True)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(BackendUnavailable, match="need matplotlib"):
        call(made, tmp_path / "out", "--adapters", "none")
    assert not (tmp_path / "out").exists()


def test_a_set_twice_and_gold_of_another_corpus(made: Made, tmp_path: Path) -> None:
    other = f"one={made.indexes['none']}:{made.gold}"
    with pytest.raises(InvalidInput, match="a name of its own"):
        call(made, tmp_path, "--adapters", "none", "--other", other, "--other", other)
    made_elsewhere = tmp_path / "gold.jsonl"
    made_elsewhere.write_text(made.gold.read_text().replace('"p', '"elsewhere'))
    with pytest.raises(InvalidInput, match="index of the corpus that the gold file belongs to"):
        call(made, tmp_path, "--adapters", "none", "--gold", made_elsewhere)
