"""BEIR's metrics: by hand, against slow versions, and the readers of questions and judgements."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.core.errors import InvalidInput, NotFound
from skerry.evaluation import beir
from skerry.evaluation.beir_files import judged_questions, read_qrels, read_queries

QRELS = {"a": 2, "b": 1, "c": 0, "d": -1}


def test_ties_go_by_id_descending() -> None:
    assert beir.ranking({"a": 1.0, "c": 2.0, "b": 2.0, "d": 1.0}) == ["c", "b", "d", "a"]
    # As 32-bit floats these two are equal.
    assert beir.ranking({"a": 1.0 + 1e-9, "b": 1.0}) == ["b", "a"]
    assert beir.ranking({}) == []
    with pytest.raises(InvalidInput, match="'x' is not a number"):
        beir.ranking({"x": math.nan})


def test_ndcg() -> None:
    ideal = 2 + 1 / math.log2(3)
    assert beir.ndcg_at(["a", "b"], QRELS, 10) == 1
    assert beir.ndcg_at(["b", "x", "a"], QRELS, 10) == pytest.approx((1 + 2 / 2) / ideal)
    assert beir.ndcg_at(["b", "x", "a"], QRELS, 2) == pytest.approx(1 / ideal)
    assert beir.ndcg_at(["b", "a"], QRELS, 1) == 1 / 2
    assert beir.ndcg_at(["d"], QRELS, 1) == 0
    assert beir.ndcg_at(["c"], {"c": 0}, 1) == 0


def test_the_others() -> None:
    ranked = ["x", "a", "c", "b"]
    assert [beir.recall_at(ranked, QRELS, k) for k in (1, 2, 4, 9)] == [0, 1 / 2, 1, 1]
    assert [beir.precision_at(ranked, QRELS, k) for k in (1, 2, 4, 8)] == [0, 1 / 2, 1 / 2, 1 / 4]
    assert [beir.mrr_at(ranked, QRELS, k) for k in (1, 2, 9)] == [0, 1 / 2, 1 / 2]
    assert beir.average_precision(ranked, QRELS) == (1 / 2 + 2 / 4) / 2
    assert beir.average_precision(ranked, QRELS, 3) == 1 / 4
    for metric in (beir.recall_at, beir.mrr_at, beir.average_precision):
        assert metric(["c"], {"c": 0}, 5) == 0


def test_score_counts_questions_without_results() -> None:
    found = beir.score({"1": {"a": 1}, "2": {"b": 1}}, {"1": ["a"], "9": ["z"]}, ks=[1])
    assert found.questions == 2
    assert found.metrics == {"nDCG@1": 0.5, "recall@1": 0.5, "MRR@1": 0.5, "P@1": 0.5, "MAP": 0.5}
    assert list(found.values["MAP"]) == [1, 0]
    for qrels, ranked, ks, match in (
        ({}, {}, [1], "no relevance"),
        ({"1": {"a": 1}}, {"1": ["a", "a"]}, [1], "twice"),
        ({"1": {"a": 1}}, {}, [0], "ranks"),
    ):
        with pytest.raises(InvalidInput, match=match):
            beir.score(qrels, ranked, ks)


DOCUMENTS = st.sampled_from("abcdefgh")


@given(
    st.lists(DOCUMENTS, unique=True),
    st.dictionaries(DOCUMENTS, st.integers(-1, 3)),
    st.integers(1, 10),
)
def test_against_the_definitions(ranked: list[str], qrels: dict[str, int], k: int) -> None:
    gains = [max(0, qrels.get(document, 0)) for document in ranked]
    ideal = sorted((max(0, gain) for gain in qrels.values()), reverse=True)

    def dcg(values: list[int]) -> float:
        return math.fsum(values[i] / math.log2(i + 2) for i in range(min(k, len(values))))

    assert beir.ndcg_at(ranked, qrels, k) == pytest.approx(dcg(gains) / dcg(ideal) if dcg(ideal) else 0)
    relevant = sum(gain > 0 for gain in ideal)
    hits = [i + 1 for i, gain in enumerate(gains) if gain > 0]
    within = [rank for rank in hits if rank <= k]
    assert beir.precision_at(ranked, qrels, k) == pytest.approx(len(within) / k)
    assert beir.recall_at(ranked, qrels, k) == pytest.approx(len(within) / relevant if relevant else 0)
    assert beir.mrr_at(ranked, qrels, k) == (1 / within[0] if within else 0)
    precisions = [(i + 1) / rank for i, rank in enumerate(hits)]
    assert beir.average_precision(ranked, qrels) == pytest.approx(
        sum(precisions) / relevant if relevant else 0
    )


def test_files(tmp_path: Path) -> None:
    queries, qrels = tmp_path / "queries.jsonl", tmp_path / "qrels.tsv"
    queries.write_text('{"_id": "1", "text": "one"}\n{"_id": "2", "text": "two"}\n{"_id": "3", "text": ""}\n')
    qrels.write_text("query-id\tcorpus-id\tscore\n2\td1\t1\n2\td2\t0\n1\td1\t2\n")
    judgements = read_qrels(qrels)
    assert judgements == {"2": {"d1": 1, "d2": 0}, "1": {"d1": 2}}
    found = judged_questions(read_queries(queries), judgements, queries)
    assert [(record.id, record.input) for record in found] == [("1", "one"), ("2", "two")]
    with pytest.raises(InvalidInput, match=r"'9' has judgements but is not in .*queries"):
        judged_questions(read_queries(queries), {"9": {"d": 1}}, queries)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("1\td1\n", r"qrels:1: 2 fields"),
        ("1\td1\t1\n1\td2\tyes\n", r"qrels:2: the relevance 'yes'"),
        ("1\td1\t1\n1\td1\t1\n", r"qrels:2: 'd1' is judged twice"),
        ("query-id\tcorpus-id\tscore\n", "no judgements"),
        ("", "no judgements"),
    ],
)
def test_bad_qrels(tmp_path: Path, text: str, match: str) -> None:
    path = tmp_path / "qrels"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=match):
        read_qrels(path)


def test_bad_queries(tmp_path: Path) -> None:
    path = tmp_path / "queries"
    for text, match in (
        ('{"_id": 1, "text": "x"}', "queries:1: the question has no _id or no text"),
        ('{"_id": "1"}', "no _id or no text"),
        ('{"_id": "1", "text": "x"}\n{"_id": "1", "text": "x"}', "queries:2: the id '1' was in"),
        ("{", "queries:1: the line is not valid JSON"),
    ):
        path.write_text(text)
        with pytest.raises(InvalidInput, match=match):
            read_queries(path)
    path.write_bytes(b"\xff\t\t\n")
    with pytest.raises(InvalidInput, match="queries:1: byte 1"):
        read_qrels(path)
    for reader in (read_queries, read_qrels):
        with pytest.raises(NotFound):
            reader(tmp_path / "missing")
