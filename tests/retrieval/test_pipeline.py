"""The retrieval pipeline and `skerry retrieve`, on a small real index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, DeadlineExceeded, IndexNotReady, InvalidInput, NotFound
from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.base import LegRequest, RetrievalRequest
from skerry.retrieval.fusion import FUSIONS, LegList
from skerry.retrieval.fusion.learned import save_learned
from skerry.retrieval.fusion.learned.convex import LearnedConvex
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.index.reader import Index
from skerry.retrieval.pipeline import RetrievalPipeline
from skerry.services.cli.retrieve import retrieve as command

PAGES = {
    "Lighthouse": ["A lighthouse warns ships of rocks.", "Its keeper trims the lamp every night."],
    "Ferry": ["A ferry carries people and cars over water.", "The ferry to the island leaves at nine."],
    "Owl": ["Owls hunt at night.", "An owl turns its head far round because its eyes are fixed."],
    "Bread": ["Bread is baked from flour, water and yeast.", "Sourdough rises slowly."],
    "Rain": ["Rain falls when droplets grow heavy.", "A drizzle is rain of very small drops."],
}
BM25, DENSE = LegRequest("bm25"), LegRequest("dense")


def build(folder: Path, legs: tuple[str, ...], models: ModelStore) -> Path:
    corpus = folder / "corpus.jsonl"
    with corpus.open("w", encoding="utf-8") as file:
        for title, paragraphs in PAGES.items():
            text = [title, *(sentence * 12 for sentence in (p + " " for p in paragraphs))]
            line = {"wikipedia_id": title.lower(), "wikipedia_title": title, "text": text}
            file.write(json.dumps(line) + "\n")
    spec = BuildSpec(corpus, "kilt", legs=legs)
    build_index(spec, folder / "index", engine=SerialEngine(), models=models, progress=SilentProgress())
    return folder / "index"


@pytest.fixture(scope="module")
def lexical_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lexical")
    return build(folder, ("bm25",), ModelStore(folder / "models"))


@pytest.fixture(scope="module")
def lexical(lexical_folder: Path) -> Iterator[RetrievalPipeline]:
    with Index.open(lexical_folder) as index, RetrievalPipeline(index) as pipeline:
        yield pipeline


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, models: ModelStore) -> Iterator[RetrievalPipeline]:
    folder = build(tmp_path_factory.mktemp("both"), ("bm25", "dense"), models)
    with Index.open(folder, models=models) as index, RetrievalPipeline(index) as pipeline:
        yield pipeline


def test_one_leg_keeps_its_order_and_scores(lexical: RetrievalPipeline) -> None:
    [result] = lexical.retrieve([RetrievalRequest("owls at night", (BM25,), limit=3)], Deadline())
    assert result.hits[0].passage.title == "Owl"
    assert [hit.legs[0].rank for hit in result.hits] == list(range(1, len(result.hits) + 1))
    assert all(hit.score == pytest.approx(hit.legs[0].score) for hit in result.hits)
    assert set(result.timings) == {"bm25", "fusion", "passages", "total"}
    assert result.timings["total"] >= result.timings["bm25"] > 0


def test_the_learnt_fusion_is_the_indexs_own_and_for_its_legs(tmp_path: Path, models: ModelStore) -> None:
    folder = build(tmp_path, ("bm25", "dense"), models)
    asked = RetrievalRequest("owls at night", (DENSE, BM25), "learned", limit=4)
    with Index.open(folder, models=models) as index:
        with RetrievalPipeline(index) as pipeline, pytest.raises(IndexNotReady, match="skerry train fusion"):
            pipeline.retrieve([asked], Deadline())
        save_learned(folder, LearnedConvex(("bm25", "dense"), (0.9, 0.1)), {})
        with RetrievalPipeline(index) as pipeline:
            [learned] = pipeline.retrieve([asked], Deadline())
            legs = (LegRequest("dense", weight=0.1), LegRequest("bm25", weight=0.9))
            [wanted] = pipeline.retrieve([replace(asked, legs=legs, fusion="convex")], Deadline())
            assert [hit.passage.id for hit in learned.hits] == [hit.passage.id for hit in wanted.hits]
            [alone] = pipeline.retrieve([replace(asked, legs=(BM25,))], Deadline())
            assert alone.hits[0].score == alone.hits[0].legs[0].score
        save_learned(folder, LearnedConvex(("bm25", "seal"), (0.9, 0.1)), {})
        with (
            RetrievalPipeline(index) as pipeline,
            pytest.raises(InvalidInput, match=r"one of bm25, seal; the request asks for dense, bm25"),
        ):
            pipeline.retrieve([asked], Deadline())


@pytest.mark.parametrize("fusion", ["rrf", "convex"])
def test_legs_are_fused_and_their_places_kept(both: RetrievalPipeline, fusion: str) -> None:
    query = "What keeps ships away from rocks?"
    legs = (replace(BM25, weight=0.5), DENSE)
    [result] = both.retrieve([RetrievalRequest(query, legs, fusion, limit=4)], Deadline())
    assert result.hits[0].passage.title == "Lighthouse"
    lists = []
    for leg in legs:
        [found] = both.index.retriever(leg.name).retrieve([query], 100, {}, Deadline())
        lists.append(LegList(found.ordinals, found.scores, leg.weight))
    wanted = FUSIONS.load(fusion)(lists)
    assert [hit.passage.ordinal for hit in result.hits] == wanted.ordinals[:4].tolist()
    assert [hit.score for hit in result.hits] == pytest.approx(wanted.scores[:4].tolist(), rel=1e-3)
    for hit in result.hits:
        for place in hit.legs:
            leg_list = lists[["bm25", "dense"].index(place.leg)]
            assert int(leg_list.ordinals[place.rank - 1]) == hit.passage.ordinal
            assert place.score == pytest.approx(float(leg_list.scores[place.rank - 1]), abs=1e-3)


def test_a_batch_is_its_requests_one_by_one(both: RetrievalPipeline) -> None:
    requests = [
        RetrievalRequest("owls", (BM25,)),
        RetrievalRequest("owls", (BM25, DENSE), "convex", limit=2),
        RetrievalRequest("boats", (DENSE,), page_ids=frozenset({"ferry", "rain"})),
        RetrievalRequest("bread", (replace(BM25, limit=1), DENSE)),
        RetrievalRequest("of the night", (BM25,), page_ids=frozenset({"owl"})),
    ]
    batch = both.retrieve(requests, Deadline())
    for request, result in zip(requests, batch, strict=True):
        [alone] = both.retrieve([request], Deadline())
        assert [hit.passage.id for hit in result.hits] == [hit.passage.id for hit in alone.hits]
    assert both.retrieve([], Deadline()) == []


def test_only_the_chosen_pages(both: RetrievalPipeline) -> None:
    pages = frozenset({"bread", "rain", "nowhere"})
    for legs in ((BM25,), (DENSE,), (BM25, DENSE)):
        [result] = both.retrieve([RetrievalRequest("ferry over water", legs, page_ids=pages)], Deadline())
        assert result.hits and {hit.passage.page_id for hit in result.hits} <= pages
        assert "filter" in result.timings
    [none] = both.retrieve([RetrievalRequest("ferry", (BM25, DENSE), page_ids=frozenset({"x"}))], Deadline())
    assert none.hits == ()


def test_a_query_without_words_finds_nothing(lexical: RetrievalPipeline) -> None:
    [result] = lexical.retrieve([RetrievalRequest("?!", (BM25,))], Deadline())
    assert result.hits == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"query": ""}, "empty"),
        ({"query": " \n\t"}, "empty"),
        ({"query": "x" * 65_537}, "65537 characters; the limit is 65536 bytes"),
        ({"query": "é" * 32_769}, "65538 bytes; the limit is 65536 bytes"),
        ({"query": "a" * 1_000_000}, "1000000 characters"),
        ({"query": "owl \ud800"}, "character 4"),
        ({"query": None}, "must be text"),
        ({"limit": 0}, "limit must be a whole number from 1 to 10000; got 0"),
        ({"limit": -1}, "got -1"),
        ({"limit": 10**9}, "got 1000000000"),
        ({"limit": True}, "got True"),
        ({"limit": 2.5}, "got 2.5"),
        ({"legs": ()}, "no legs"),
        ({"legs": (BM25, BM25)}, "asked for twice"),
        ({"legs": (replace(BM25, limit=0),)}, "bm25.limit"),
        ({"legs": (replace(BM25, limit=10_001),)}, "bm25.limit"),
        ({"legs": (replace(BM25, weight=-1.0),)}, "at least 0"),
        ({"legs": (replace(BM25, weight=float("nan")),)}, "must be a number"),
        ({"legs": (replace(BM25, weight=float("inf")),)}, "must be a number"),
        ({"legs": (replace(BM25, weight=0.0),)}, "Every leg's weight is 0"),
        ({"legs": (replace(BM25, options={"ef_search": 1}),)}, "no option 'ef_search'"),
        ({"legs": (replace(BM25, options={"x": float("nan")}),)}, "must be a word, a number"),
        ({"legs": (replace(BM25, options={"x": [1]}),)}, "must be a word, a number"),
    ],
)
def test_bad_requests(lexical: RetrievalPipeline, changes: dict[str, Any], message: str) -> None:
    request = replace(RetrievalRequest("owls", (BM25,)), **changes)
    with pytest.raises(InvalidInput, match=message):
        lexical.retrieve([RetrievalRequest("fine", (BM25,)), request], Deadline())


def test_the_longest_query_is_answered(lexical: RetrievalPipeline) -> None:
    query = "owl " * 16_384
    assert len(query) == 65_536
    [result] = lexical.retrieve([RetrievalRequest(query, (BM25,))], Deadline())
    assert result.hits


def test_unknown_names(lexical: RetrievalPipeline) -> None:
    with pytest.raises(NotFound, match="Did you mean 'bm25'"):
        lexical.retrieve([RetrievalRequest("owls", (LegRequest("bm52"),))], Deadline())
    with pytest.raises(NotFound, match="convex, rrf"):
        lexical.retrieve([RetrievalRequest("owls", (BM25,), fusion="sum")], Deadline())
    with pytest.raises(IndexNotReady, match="without the leg 'dense'"):
        lexical.retrieve([RetrievalRequest("owls", (BM25, DENSE))], Deadline())


def test_options_are_the_leg_s_own(both: RetrievalPipeline) -> None:
    legs = (BM25, replace(DENSE, options={"ef_search": 50}))
    with pytest.raises(InvalidInput, match="dense leg has no option 'ef_search'"):
        both.retrieve([RetrievalRequest("owls", legs)], Deadline())


def test_deadlines_and_cancellation(lexical: RetrievalPipeline) -> None:
    request = RetrievalRequest("owls", (BM25,))
    with pytest.raises(DeadlineExceeded):
        lexical.retrieve([request], Deadline(0.0))
    deadline = Deadline()
    deadline.cancel()
    with pytest.raises(Cancelled):
        lexical.retrieve([request], deadline)


def test_the_command(lexical_folder: Path) -> None:
    run = CliRunner().invoke(command, ["owls at night", "--index", str(lexical_folder), "--limit", "2"])
    assert run.exit_code == 0, run.output
    assert run.stdout.startswith("1. Owl  ") and "bm25 #1" in run.stdout and "\x1b" not in run.stdout
    arguments = ["night", "--index", str(lexical_folder), "--json", "--set", "bm25.limit=1"]
    found = json.loads(CliRunner().invoke(command, arguments).stdout)
    assert [hit["rank"] for hit in found["hits"]] == [1]
    assert found["hits"][0]["legs"]["bm25"]["rank"] == 1
    assert set(found["timings"]) == {"bm25", "fusion", "passages", "total"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either --index DIR or --target ADDR"),
        (["--index", "x", "--target", "y"], "either --index DIR or --target ADDR"),
        (["--index", "x", "--corpus", "y"], "--corpus goes with --target"),
        (["--index", "x", "--timeout", "0"], "more than 0 seconds"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str) -> None:
    run = CliRunner().invoke(command, ["owls", *arguments])
    assert run.exit_code == 2 and message in run.stderr


def test_errors_reach_the_command_line_whole(lexical_folder: Path) -> None:
    for arguments, error in (
        (["--legs", "bm25,dense"], IndexNotReady),
        (["--legs", "bm25", "--set", "dense.ef_search=3"], InvalidInput),
        (["--set", "bm25"], InvalidInput),
        (["--limit", "0"], InvalidInput),
        (["--fusion", "sum", "--set", "bm25.weight=2"], NotFound),
    ):
        run = CliRunner().invoke(command, ["owls", "--index", str(lexical_folder), *arguments])
        assert isinstance(run.exception, error), (arguments, run.output)
