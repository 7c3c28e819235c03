"""The SEAL leg from the index to a client: evidence over the wire, fusion, evaluation, many calls at once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from skerry.core.deadline import Deadline
from skerry.core.errors import DeadlineExceeded, InvalidInput, NotFound, Overloaded
from skerry.core.models import low_rank
from skerry.core.models.store import Model, ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.base import LegRequest, RetrievalRequest
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.index.reader import Index
from skerry.retrieval.pipeline import RetrievalPipeline
from skerry.retrieval.seal import adapter as adapters
from skerry.retrieval.seal.prompts import body_prompt, title_prompt
from skerry.services.cli.eval import evaluate
from skerry.services.cli.retrieve import retrieve as command
from skerry.services.client import Client

from ..retrieval.seal.leg.small import write_language_model  # noqa: TID252 -- another room's model

QUESTION = "Who kept the lighthouse lamp burning?"
SEAL = LegRequest("seal", options={"beams": 5})
LESSONS = {
    QUESTION: ("Lighthouses", "She kept the lamp burning for thirty one years."),
    "What causes the tides?": ("Tides", "They are caused by the pull of the moon and the sun."),
}


def question(query: str = QUESTION, **knobs: Any) -> RetrievalRequest:
    return RetrievalRequest(**{"query": query, "legs": (SEAL,), **knobs})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, corpus_file: Path) -> Path:
    """A small language model that has learnt where two answers stand."""
    pages = [json.loads(line) for line in corpus_file.read_text().splitlines()]
    texts = [*LESSONS, *(page[part] for page in pages for part in ("title", "text"))]
    lessons = []
    for query, (title, answer) in LESSONS.items():
        lessons += [(body_prompt(query), answer), (title_prompt(query), title)]
    return write_language_model(tmp_path_factory.mktemp("model") / "small", texts * 4, lessons)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, corpus_file: Path, model: Path) -> Path:
    out = tmp_path_factory.mktemp("seal") / "index"
    spec = BuildSpec(
        corpus=corpus_file,
        format="jsonl",
        legs=("bm25", "seal"),
        parameters={"seal": {"model": str(model), "dtype": "fp32"}},
    )
    store = ModelStore(tmp_path_factory.mktemp("store"))
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
    requests = [question(), question("What causes the tides?"), question(page_ids=frozenset({"kelp"}))]
    with Index.open(index, models=ModelStore(tmp_path)) as opened, RetrievalPipeline(opened) as pipeline:
        local = pipeline.retrieve(requests, Deadline())
    for request, there, here in zip(requests, client.batch_retrieve(requests), local, strict=True):
        alone = client.retrieve(request)
        for hits in (there.hits, alone.hits):
            assert [hit.passage for hit in hits] == [hit.passage for hit in here.hits]
            assert [hit.evidence for hit in hits if not hit.evidence] == []
            for one, other in zip(hits, here.hits, strict=True):
                assert [(e.ngram, e.count, e.spans, e.in_title, e.leg) for e in one.evidence] == [
                    (e.ngram, e.count, e.spans, e.in_title, e.leg) for e in other.evidence
                ]
        assert {"seal", "seal.lm", "seal.index", "seal.other", "total"} <= set(alone.timings)
    [first, *_] = local[0].hits
    assert first.passage.page_id == "lighthouses"
    longest = max((item for item in first.evidence if item.spans), key=lambda item: len(item.ngram))
    assert first.passage.text[slice(*longest.spans[0])] == longest.ngram
    assert longest.ngram in first.passage.text


@pytest.mark.parametrize("fusion", ["rrf", "convex"])
def test_fused(fusion: str, client: Client) -> None:
    hits = client.retrieve(question(legs=(LegRequest("bm25"), SEAL), fusion=fusion)).hits
    assert {leg.leg for leg in hits[0].legs} == {"bm25", "seal"}
    assert hits[0].passage.page_id == "lighthouses"
    assert hits[0].evidence


def test_every_leg_by_default(client: Client) -> None:
    assert {leg.leg for leg in client.retrieve(question(legs=())).hits[0].legs} == {"bm25", "seal"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beams": 0}, "seal.beams must be a whole number from 1 to 100; got 0"),
        ({"groups": 2, "beams": 5}, "must divide"),
        ({"scoring": "best"}, "scoring"),
        ({"colour": 1}, "colour"),
    ],
)
def test_bad_knobs(options: dict[str, Any], message: str, client: Client) -> None:
    with pytest.raises(InvalidInput, match=message):
        client.retrieve(question(legs=(LegRequest("seal", options=options),)))


def test_deadline(client: Client) -> None:
    with pytest.raises(DeadlineExceeded):
        client.batch_retrieve([question("a long and winding question " * 200)] * 200, deadline=0.3)
    assert client.retrieve(question()).hits


def test_two_hundred_at_once(client: Client) -> None:
    """Two at work and eight in the queue; the others are told to come back, and nobody is forgotten."""
    expected = [hit.passage.id for hit in client.retrieve(question()).hits]

    def call(_: int) -> str:
        try:
            result = client.retrieve(question(), deadline=120)
        except Overloaded as error:
            assert 0 < error.retry_after <= 30
            return "refused"
        assert [hit.passage.id for hit in result.hits] == expected
        return "done"

    with ThreadPoolExecutor(200) as threads:
        results = list(threads.map(call, range(200)))
    assert results.count("done") >= 10
    assert results.count("refused") > 0
    assert client.retrieve(question()).hits


def test_a_server_without_the_model_serves_the_other_legs(
    start: Any, index: Path, model: Path, tmp_path: Path, no_models: dict[str, str]
) -> None:
    hidden = tmp_path / "hidden"
    shutil.move(model, hidden)
    try:
        server = start("retrieval", f"--index={index}", **no_models)
        with Client(server.address, deadline=30) as client:
            assert client.retrieve(question(legs=(LegRequest("bm25"),))).hits
            with pytest.raises(NotFound, match="small"):
                client.retrieve(question())
        assert "leg cannot be used" in server.logged()
        assert server.stop() == 0
    finally:
        shutil.move(hidden, model)


@pytest.mark.models
def test_three_legs_with_real_models(models: ModelStore, corpus_file: Path, tmp_path: Path) -> None:
    """Dense and SEAL load at the same time; the fused lists keep every leg's rank and SEAL's evidence."""
    spec = BuildSpec(corpus=corpus_file, format="jsonl", legs=("bm25", "dense", "seal"))
    out = tmp_path / "index"
    build_index(spec, out, engine=SerialEngine(), models=models, progress=SilentProgress())
    legs = (LegRequest("bm25"), LegRequest("dense"), LegRequest("seal", weight=0.5, options={"beams": 5}))
    with Index.open(out, models=models) as opened, RetrievalPipeline(opened) as pipeline:
        rrf, convex, alone = pipeline.retrieve(
            [question(legs=legs), question(legs=legs, fusion="convex"), question(legs=legs[2:])], Deadline()
        )
    assert alone.hits[0].passage.page_id == "lighthouses"
    for fused in (rrf, convex):
        assert fused.hits[0].passage.page_id == "lighthouses"
        assert [leg.leg for leg in fused.hits[0].legs] == ["bm25", "dense", "seal"]
        assert fused.hits[0].evidence == alone.hits[0].evidence


class TestCommands:
    @pytest.fixture(autouse=True)
    def _no_models(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SKERRY_MODELS", str(tmp_path / "models"))

    def test_retrieve_prints_the_evidence(self, index: Path) -> None:
        call = [QUESTION, "--index", str(index), "--legs", "seal", "--limit", "1", "--set", "seal.beams=5"]
        done = CliRunner().invoke(command, call, catch_exceptions=False)
        assert done.exit_code == 0
        assert "Lighthouses" in done.stdout
        assert "in the corpus" in done.stdout
        assert "seal.lm" in done.stderr

    def test_retrieve_as_json(self, server: Any) -> None:
        call = [QUESTION, "--target", server.address, "--legs", "bm25,seal", "--json"]
        done = CliRunner().invoke(command, [*call, "--set", "seal.evidence=3"], catch_exceptions=False)
        [first, *_] = json.loads(done.stdout)["hits"]
        assert set(first["legs"]) == {"bm25", "seal"}
        assert 1 <= len(first["evidence"]) <= 3
        for item in first["evidence"]:
            assert set(item) == {"ngram", "count", "score", "spans", "in_title", "leg"}

    @pytest.fixture
    def gold(self, tmp_path: Path) -> Path:
        lines = []
        for number, (query, (title, _)) in enumerate(LESSONS.items()):
            place = {"wikipedia_id": title.lower(), "start_paragraph_id": 1, "end_paragraph_id": 1}
            lines.append({"id": number, "input": query, "output": [{"answer": "a", "provenance": [place]}]})
        path = tmp_path / "gold.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    def test_eval_run(self, index: Path, gold: Path, tmp_path: Path) -> None:
        call = ["run", "--index", str(index), "--gold", str(gold), "--legs", "seal,bm25", "--quiet", "--json"]
        knobs = ["--set", "seal.beams=5", "--set", "seal.scoring=intersective", "--set", "seal.evidence=0"]
        out = ["--out", str(tmp_path / "out.jsonl")]
        done = CliRunner().invoke(evaluate, [*call, *out, *knobs], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        found = json.loads(done.stdout)
        assert set(found["systems"]) == {"seal", "bm25", "rrf"}
        assert found["systems"]["seal"]["metrics"]["hit@1"] == 1
        with pytest.raises(InvalidInput, match="other settings"):
            CliRunner().invoke(evaluate, [*call, *out, "--set", "seal.beams=4"], catch_exceptions=False)
        with pytest.raises(InvalidInput, match="dense"):
            CliRunner().invoke(evaluate, [*call, *out, "--set", "dense.limit=4"], catch_exceptions=False)

    def test_a_run_does_not_go_on_with_another_adapter(
        self, corpus_file: Path, model: Path, gold: Path, tmp_path: Path
    ) -> None:
        store = ModelStore(tmp_path / "models")
        adapter, out = tmp_path / "adapter", tmp_path / "out.jsonl"
        write_adapter(store.resolve(str(model)), adapter, seed=1)
        parameters = {"seal": {"model": str(model), "adapter": str(adapter), "dtype": "fp32"}}
        spec = BuildSpec(corpus_file, "jsonl", legs=("seal",), parameters=parameters)
        build_index(spec, tmp_path / "i", engine=SerialEngine(), models=store, progress=SilentProgress())
        call = ["run", "--index", str(tmp_path / "i"), "--gold", str(gold), "--out", str(out), "--quiet"]
        assert CliRunner().invoke(evaluate, call, catch_exceptions=False).exit_code == 0
        assert CliRunner().invoke(evaluate, call, catch_exceptions=False).exit_code == 0
        write_adapter(store.resolve(str(model)), adapter, seed=2)
        with pytest.raises(InvalidInput, match="other settings"):
            CliRunner().invoke(evaluate, call, catch_exceptions=False)


def write_adapter(model: Model, folder: Path, seed: int) -> None:
    """An adapter of random factors."""
    import torch
    from transformers import AutoModelForCausalLM

    network = AutoModelForCausalLM.from_pretrained(model.folder)
    low_rank.attach(network.model, 2, seed)
    generator = torch.Generator().manual_seed(seed)
    factors = {
        name: torch.randn(value.shape, generator=generator) / 10
        for name, value in low_rank.state(network.model).items()
    }
    config = adapters.AdapterConfig(model.name, model.weights_hash, model.tokenizer_hash, rank=2)
    adapters.save(folder, config, factors)
