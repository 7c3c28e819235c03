"""The BM25 leg: what every engine must do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    IndexCorrupt,
    IndexNotReady,
    InvalidInput,
    NotFound,
)
from skerry.retrieval.base import Candidates
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.index.leg import BuiltLeg, Workshop
from skerry.retrieval.lexical.leg import Bm25Leg, Bm25Retriever


def engine_present(engine: str) -> bool:
    try:
        Bm25Leg(engine=engine)
    except BackendUnavailable:
        return False
    return True


LUCENE = pytest.param(
    "lucene",
    marks=pytest.mark.skipif(
        not engine_present("lucene"), reason="the extra is absent: pip install 'skerry[lucene]'"
    ),
)


def build(leg: Bm25Leg, passages: PassageStore, folder: Path) -> BuiltLeg:
    middle = len(passages) // 3
    leg.build_shard(passages, 0, middle, folder / "0", None, 1)
    leg.build_shard(passages, middle, len(passages), folder / "1", None, 1)
    return leg.assemble(
        passages, [folder / "0", folder / "1"], folder / "leg", None, Workshop(folder, folder / "work")
    )


def find(retriever: Bm25Retriever, query: str, limit: int = 10, **more: Any) -> Candidates:
    return retriever.retrieve([query], limit, {}, Deadline(), **more)[0]


@pytest.fixture(scope="session", params=["tantivy", LUCENE])
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def folder(engine: str, passages: PassageStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(f"bm25-{engine}")
    build(Bm25Leg(engine=engine), passages, folder)
    return folder / "leg"


@pytest.fixture(scope="session")
def retriever(engine: str, folder: Path, passages: PassageStore) -> Bm25Retriever:
    return Bm25Leg(engine=engine).open(folder, passages, None)


def test_finds_by_title_section_and_text(retriever: Bm25Retriever) -> None:
    for query in ("owls", "hunting night", "naive facades", "RUN"):
        assert find(retriever, query, 1).ordinals.tolist() == [200], query


def test_equal_scores_stand_by_ordinal_also_at_the_cut(retriever: Bm25Retriever) -> None:
    assert find(retriever, "zebra", 1).ordinals.tolist() == [100]
    both = find(retriever, "zebra")
    assert both.ordinals.tolist() == [100, 101]
    assert both.scores[0] == both.scores[1]


@pytest.mark.parametrize(
    "query",
    [
        "AND (title:",
        'owls"',
        "owls~2 ^",
        "NOT owls",
        "text: owls",
        "[a TO z]",
        "owls AND AND",
        "*",
        "+-&&||!(){}",
    ],
)
def test_a_query_has_no_syntax(retriever: Bm25Retriever, query: str) -> None:
    found = find(retriever, query)
    if "owls" in query or "title" in query:
        assert 200 in found.ordinals


@pytest.mark.parametrize("query", ["", "   ", "?!", "qqqqzzzz", "\x01", "\x01 \x01", "日本", "a" * 100])
def test_a_query_without_an_indexed_word_finds_nothing(retriever: Bm25Retriever, query: str) -> None:
    found = find(retriever, query)
    assert found.ordinals.tolist() == [] and found.scores.tolist() == []


def test_prefixes_of_a_list_are_the_shorter_lists(retriever: Bm25Retriever) -> None:
    whole = find(retriever, "storm lantern keeper", 400)
    assert len(whole.ordinals) > 100
    assert np.all(np.diff(whole.scores) <= 0)
    for limit in (1, 7, 50):
        part = find(retriever, "storm lantern keeper", limit)
        assert part.ordinals.tolist() == whole.ordinals[:limit].tolist()


def test_a_word_counts_once_however_often_it_is_asked_for(retriever: Bm25Retriever) -> None:
    once, often = find(retriever, "storm fog"), find(retriever, "storm storm storm fog")
    assert once.ordinals.tolist() == often.ordinals.tolist()


def test_question_words_are_dropped_unless_there_is_nothing_else(
    engine: str, passages: PassageStore, tmp_path: Path
) -> None:
    from skerry.retrieval.corpus.records import Passage, Span
    from skerry.retrieval.corpus.store import PassageWriter

    texts = ("Where and when? Nobody knows who or why.", "The owl hunts at night.")
    with PassageWriter(tmp_path / "passages") as writer:
        for n, text in enumerate(texts):
            writer.append(Passage(n, f"{n}#0", str(n), "", "", text, Span(1, 0, 1, len(text))))
    few = PassageStore.open(tmp_path / "passages")
    build(Bm25Leg(engine=engine), few, tmp_path)
    asking = Bm25Leg(engine=engine).open(tmp_path / "leg", few, None)
    assert find(asking, "When, where and why does an owl hunt").ordinals.tolist() == [1, 0]
    assert find(asking, "Why does an owl hunt?").ordinals.tolist() == [1]
    assert find(asking, "Who? Why?").ordinals.tolist() == [0]
    keeping = Bm25Leg(engine=engine, drop_question_words=False).open(tmp_path / "leg", few, None)
    assert find(keeping, "Why does an owl hunt?").ordinals.tolist() == [1, 0]


def test_within_finds_the_best_of_the_chosen(retriever: Bm25Retriever) -> None:
    everything = find(retriever, "fog tide", 400)
    chosen = np.arange(3, 400, 17)
    found = find(retriever, "fog tide", 10, within=chosen)
    wanted = [o for o in everything.ordinals.tolist() if o in set(chosen.tolist())]
    assert found.ordinals.tolist() == wanted[:10]
    scores = dict(zip(everything.ordinals.tolist(), everything.scores.tolist(), strict=True))
    assert found.scores.tolist() == pytest.approx([scores[o] for o in found.ordinals.tolist()], abs=1e-3)
    assert find(retriever, "fog tide", within=np.empty(0, np.int64)).ordinals.tolist() == []


def test_a_batch_is_its_queries_one_by_one(retriever: Bm25Retriever) -> None:
    queries = ["fog", "storm lantern", "", "zebra", "owls at night"] * 20
    batch = retriever.retrieve(queries, 5, {}, Deadline())
    for query, found in zip(queries, batch, strict=True):
        alone = find(retriever, query, 5)
        assert found.ordinals.tolist() == alone.ordinals.tolist()
        assert found.scores.tolist() == alone.scores.tolist()
    assert retriever.retrieve([], 5, {}, Deadline()) == []


def test_from_many_threads(retriever: Bm25Retriever) -> None:
    """Different queries at a time: an engine that mixed up its callers would go unseen with one query."""
    queries = [f"{one} {other}" for one in ("reef", "fog", "storm") for other in ("captain", "tide", "brass")]
    alone = [find(retriever, query).scores.tolist() for query in queries]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: find(retriever, queries[n % 9]).scores.tolist(), range(450)))
    assert found == alone * 50


def test_a_long_query_is_answered(retriever: Bm25Retriever) -> None:
    words = " ".join(f"w{n}" for n in range(9000)) + " owls"
    assert find(retriever, words, 1).ordinals.tolist() == [200]


def test_the_digest_depends_on_content_only(
    engine: str, passages: PassageStore, tmp_path: Path, folder: Path
) -> None:
    first = build(Bm25Leg(engine=engine), passages, tmp_path / "a")
    again = build(Bm25Leg(engine=engine), passages, tmp_path / "a")
    other = build(Bm25Leg(engine=engine, title=False), passages, tmp_path / "b")
    assert first == again
    assert first.digest != other.digest
    assert Bm25Leg(**first.parameters).open(tmp_path / "a" / "leg", passages, None)  # type: ignore[arg-type]


def test_settings_change_what_is_indexed(engine: str, passages: PassageStore, tmp_path: Path) -> None:
    leg = Bm25Leg(engine=engine, title=False, section=False, stem=False, stop=True)
    build(leg, passages, tmp_path)
    retriever = leg.open(tmp_path / "leg", passages, None)
    for query in ("owls", "hunting", "run", "and"):
        assert find(retriever, query).ordinals.tolist() == [], query
    assert find(retriever, "running").ordinals.tolist() == [200]


def test_opening_damage(engine: str, folder: Path, passages: PassageStore, tmp_path: Path) -> None:
    leg = Bm25Leg(engine=engine)
    with pytest.raises(IndexCorrupt, match="missing"):
        leg.open(tmp_path / "nowhere", passages, None)
    empty = tmp_path / "empty"
    (empty / "index").mkdir(parents=True)
    with pytest.raises(IndexCorrupt, match="cannot be opened"):
        leg.open(empty, passages, None)
    shutil.copytree(folder, tmp_path / "copy")
    for file in (tmp_path / "copy" / "index").iterdir():
        if file.name in ("meta.json",) or file.name.startswith("segments_"):
            file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(IndexCorrupt, match="cannot be opened"):
        leg.open(tmp_path / "copy", passages, None)


def test_an_index_of_other_passages_is_refused(
    engine: str, folder: Path, tmp_path: Path, passages: PassageStore
) -> None:
    from skerry.retrieval.corpus.store import PassageWriter

    with PassageWriter(tmp_path) as writer:
        writer.append(passages[0])
    with pytest.raises(IndexCorrupt, match="has 400 passages, the passage store 1"):
        Bm25Leg(engine=engine).open(folder, PassageStore.open(tmp_path), None)


def test_options_and_deadlines(retriever: Bm25Retriever) -> None:
    with pytest.raises(InvalidInput, match="no option 'ef_search'"):
        retriever.retrieve(["fog"], 5, {"ef_search": 3}, Deadline())
    with pytest.raises(DeadlineExceeded, match="BM25"):
        retriever.retrieve(["fog"] * 50, 5, {}, Deadline(0.0))


def test_a_closed_leg_says_so(engine: str, folder: Path, passages: PassageStore) -> None:
    retriever = Bm25Leg(engine=engine).open(folder, passages, None)
    retriever.close()
    retriever.close()
    with pytest.raises(IndexNotReady, match="closed"):
        find(retriever, "fog")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"k1": 0.9}, "k1 = 1.2, fixed"),
        ({"b": 0.05}, "b from 0.1 to 0.75"),
        ({"b": 0.9}, "b from 0.1 to 0.75"),
        ({"b": 1.5}, "from 0 to 1"),
        ({"b": -0.1}, "from 0 to 1"),
        ({"b": float("nan")}, "must be a number"),
        ({"b": "0.4"}, "must be a number"),
        ({"k1": True}, "must be a number"),
        ({"stem": 1}, "true or false"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Bm25Leg(**parameters)


def test_an_unknown_engine() -> None:
    with pytest.raises(NotFound, match="Did you mean 'tantivy'"):
        Bm25Leg(engine="tantivi")


@pytest.mark.skipif(engine_present("lucene"), reason="the extra `lucene` is here")
def test_lucene_absent_names_the_install() -> None:
    with pytest.raises(BackendUnavailable, match=r"pip install 'skerry\[lucene\]'"):
        Bm25Leg(engine="lucene")


@pytest.mark.skipif(not engine_present("lucene"), reason="the extra is absent: pip install 'skerry[lucene]'")
def test_a_forked_child_is_told_that_the_jvm_stayed_behind() -> None:
    code = """
import os
from skerry.core.errors import BackendUnavailable
from skerry.retrieval.lexical.jvm import java
java()
child = os.fork()
if child == 0:
    try:
        java()
    except BackendUnavailable:
        os._exit(7)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))


def test_importing_the_engines_starts_no_jvm() -> None:
    code = (
        "import sys, skerry.retrieval.lexical.leg, skerry.retrieval.lexical.lucene_engine\n"
        "assert not {'jnius', 'pyserini', 'torch'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))
