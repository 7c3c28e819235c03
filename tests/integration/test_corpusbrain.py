"""The CorpusBrain leg from a build to a client: titles over the wire, fusion, evaluation, --add."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from skerry.core.deadline import Deadline
from skerry.core.errors import DeadlineExceeded, InvalidInput, Overloaded
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.base import LegRequest, RetrievalRequest
from skerry.retrieval.corpusbrain.training import settings as training_settings
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.index.reader import Index
from skerry.retrieval.pipeline import RetrievalPipeline
from skerry.services.cli.eval import evaluate
from skerry.services.cli.index import index as index_command
from skerry.services.cli.retrieve import retrieve as command
from skerry.services.client import Client

from ..retrieval.corpusbrain.leg.small import write_encoder  # noqa: TID252 -- another room's model

QUESTION = "She kept the lamp burning for thirty one years"
CORPUSBRAIN = LegRequest("corpusbrain", options={"beams": 5})


def question(query: str = QUESTION, **knobs: Any) -> RetrievalRequest:
    return RetrievalRequest(**{"query": query, "legs": (CORPUSBRAIN,), **knobs})


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory, corpus_file: Path) -> Path:
    pages = [json.loads(line) for line in corpus_file.read_text().splitlines()]
    text = " ".join(f"{page['title']} {page['text']}" for page in pages)
    words = sorted({word.strip(".,").lower() for word in text.split()})
    return write_encoder(tmp_path_factory.mktemp("encoder") / "small", words=words)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, corpus_file: Path, encoder: Path) -> Path:
    """The model has learnt its four pages by heart."""
    out = tmp_path_factory.mktemp("corpusbrain") / "index"
    spec = BuildSpec(
        corpus=corpus_file,
        format="jsonl",
        legs=("bm25", "corpusbrain"),
        parameters={"corpusbrain": {"model": str(encoder), "epochs": 80}},
    )
    store = ModelStore(tmp_path_factory.mktemp("store"))
    quick = partial(training_settings.Settings, batch=8, learning_rate=3e-3, dropout=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_settings, "Settings", quick)
        build_index(spec, out, engine=SerialEngine(), models=store, progress=SilentProgress())
    return out


@pytest.fixture(scope="module")
def server(start: Any, index: Path, no_models: dict[str, str]) -> Any:
    return start("retrieval", f"--index={index}", "--workers=2", "--queue=8", **no_models)


@pytest.fixture
def client(server: Any) -> Iterator[Client]:
    with Client(server.address, deadline=60) as client:
        yield client


def test_a_client_gets_what_the_index_says(client: Client, index: Path, tmp_path: Path) -> None:
    requests = [question(), question("spring tide"), question(page_ids=frozenset({"kelp"}))]
    with Index.open(index, models=ModelStore(tmp_path)) as opened, RetrievalPipeline(opened) as pipeline:
        local = pipeline.retrieve(requests, Deadline())
    for request, there, here in zip(requests, client.batch_retrieve(requests), local, strict=True):
        alone = client.retrieve(request)
        for hits in (there.hits, alone.hits):
            assert [hit.passage for hit in hits] == [hit.passage for hit in here.hits]
            assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in here.hits], abs=1e-4)
            for hit in hits:
                [piece] = hit.evidence
                assert (piece.ngram, piece.count, piece.in_title) == (hit.passage.title, 0, True)
                assert piece.leg == "corpusbrain" and piece.score <= 0
        assert {"corpusbrain", "corpusbrain.titles", "corpusbrain.passages"} <= set(alone.timings)
    assert local[0].hits[0].passage.page_id == "lighthouses"
    assert {hit.passage.page_id for hit in local[2].hits} == {"kelp"}


@pytest.mark.parametrize("fusion", ["rrf", "convex"])
def test_fused(fusion: str, client: Client) -> None:
    hits = client.retrieve(question(legs=(LegRequest("bm25"), CORPUSBRAIN), fusion=fusion)).hits
    assert {leg.leg for leg in hits[0].legs} == {"bm25", "corpusbrain"}
    assert hits[0].passage.page_id == "lighthouses"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beams": 0}, "corpusbrain.beams must be a whole number from 1 to 100; got 0"),
        ({"titles": 9}, "corpusbrain.titles"),
        ({"pages": -1}, "corpusbrain.pages"),
        ({"passage_weight": 101.0}, "corpusbrain.passage_weight"),
        ({"scoring": "best"}, "scoring"),
        ({"ef_search": 1}, "ef_search"),
    ],
)
def test_bad_knobs(options: dict[str, Any], message: str, client: Client) -> None:
    with pytest.raises(InvalidInput, match=message):
        client.retrieve(question(legs=(LegRequest("corpusbrain", options=options),)))


def test_deadline(client: Client) -> None:
    with pytest.raises(DeadlineExceeded):
        client.batch_retrieve([question("a long and winding question " * 200)] * 200, deadline=0.1)
    assert client.retrieve(question()).hits


def test_a_hundred_at_once(client: Client) -> None:
    expected = [hit.passage.id for hit in client.retrieve(question()).hits]

    def call(_: int) -> str:
        try:
            result = client.retrieve(question(), deadline=120)
        except Overloaded:
            return "refused"
        assert [hit.passage.id for hit in result.hits] == expected
        return "done"

    with ThreadPoolExecutor(100) as threads:
        results = list(threads.map(call, range(100)))
    assert set(results) <= {"done", "refused"} and results.count("done") >= 10


class TestCommands:
    @pytest.fixture(autouse=True)
    def _no_models(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SKERRY_MODELS", str(tmp_path / "models"))

    def test_retrieve(self, index: Path) -> None:
        call = [QUESTION, "--index", str(index), "--legs", "corpusbrain", "--limit", "1"]
        done = CliRunner().invoke(command, [*call, "--set", "corpusbrain.beams=4"], catch_exceptions=False)
        assert "'Lighthouses', in the title" in done.stdout and "in the corpus" not in done.stdout
        done = CliRunner().invoke(command, [*call, "--json"], catch_exceptions=False)
        [hit] = json.loads(done.stdout)["hits"]
        assert hit["evidence"][0]["ngram"] == "Lighthouses"
        assert list(hit["legs"]) == ["corpusbrain"]

    def test_info_and_verify(self, index: Path) -> None:
        done = CliRunner().invoke(index_command, ["info", str(index)], catch_exceptions=False)
        assert "objectives=iss,lps,hip" in done.stdout
        done = CliRunner().invoke(index_command, ["verify", str(index), "--quiet"], catch_exceptions=False)
        assert done.exit_code == 0 and "corpusbrain/titles.tree" in done.stdout

    def test_eval_run_gives_page_r_precision(self, index: Path, tmp_path: Path) -> None:
        place = {"wikipedia_id": "lighthouses", "start_paragraph_id": 1, "end_paragraph_id": 1}
        gold = tmp_path / "gold.jsonl"
        output = [{"answer": "Maren Holt", "provenance": [place]}]
        gold.write_text(json.dumps({"id": "q", "input": QUESTION, "output": output}) + "\n")
        call = ["run", "--index", str(index), "--gold", str(gold), "--out", str(tmp_path / "out.jsonl")]
        legs = ["--legs", "bm25,corpusbrain", "--set", "corpusbrain.beams=4", "--quiet", "--json"]
        done = CliRunner().invoke(evaluate, [*call, *legs], catch_exceptions=False)
        systems = json.loads(done.stdout)["systems"]
        assert set(systems) == {"bm25", "corpusbrain", "rrf"}
        assert all(system["metrics"]["Rprec"] == 1 for system in systems.values())

    def test_add(self, index: Path, corpus_file: Path, encoder: Path, tmp_path: Path) -> None:
        out, grown = tmp_path / "index", tmp_path / "grown.jsonl"
        new = {"id": "eels", "title": "Eels", "text": "Eels live in rivers and spawn in the sea of weeds."}
        grown.write_text(corpus_file.read_text() + json.dumps(new) + "\n")
        call = ["build", "--format", "jsonl", "--out", str(out), "--legs", "corpusbrain", "--quiet", "--json"]
        settings = ["--set", f"corpusbrain.model={encoder}", "--set", "corpusbrain.epochs=1", "--workers=1"]
        first = ["--corpus", str(corpus_file), *settings]
        CliRunner().invoke(index_command, [*call, *first], catch_exceptions=False)
        more = ["--corpus", str(grown), *settings, "--add"]
        done = CliRunner().invoke(index_command, [*call, *more], catch_exceptions=False)
        built = json.loads(done.stdout)
        assert built["legs"]["corpusbrain"]["parameters"]["start"] == "current"
        assert built["corpus"]["pages"] == 5
        done = CliRunner().invoke(index_command, [*call, *more], catch_exceptions=False)
        assert not json.loads(done.stdout)["published"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--legs", "bm25", "--add"], "not among --legs"),
            (["--legs", "corpusbrain", "--add", "--set", "corpusbrain.start=x"], "the same thing"),
        ],
    )
    def test_add_of_nothing(self, arguments: list[str], message: str, tmp_path: Path) -> None:
        call = ["build", "--format", "pydoc", "--out", str(tmp_path / "index"), *arguments]
        done = CliRunner().invoke(index_command, call)
        assert done.exit_code == 2 and message in done.output
