"""Real collections: every one is read whole, and SQuAD's gold paragraphs lie in few passages."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from skerry.retrieval.corpus.chunking import Chunking, chunk_page
from skerry.retrieval.corpus.readers import open_corpus

pytestmark = pytest.mark.shared_data


@pytest.mark.parametrize(
    ("name", "format_name", "pages", "skipped"),
    [
        ("kilt_musique/knowledge_source.jsonl.gz", "kilt", 4036, 0),
        ("factcheck_fm2/knowledge_source.jsonl.gz", "kilt", 443, 0),
        ("wiki_articles/enwiki-1000.jsonl.gz", "kilt", 936, 64),
        ("ir/cranfield", "beir", 1398, 2),
        ("ir/cisi", "beir", 1460, 0),
    ],
)
def test_collections(shared_data: Path, name: str, format_name: str, pages: int, skipped: int) -> None:
    reader = open_corpus(shared_data / name, format_name, on_error="skip")
    assert sum(1 for page in reader if chunk_page(page, Chunking())) == pages
    assert reader.skipped == ({"page without text": skipped} if skipped else {})


def test_gold_answers_lie_in_one_passage(shared_data: Path) -> None:
    folder = shared_data / "kilt_squad"
    spans = {
        page.id: [passage.span for passage in chunk_page(page, Chunking())]
        for page in open_corpus(folder / "knowledge_source.jsonl.gz", "kilt")
    }
    assert sum(map(len, spans.values())) == pytest.approx(25_290, rel=0.01)
    questions = inside = paragraph_whole = 0
    with gzip.open(folder / "squad-validation-kilt.jsonl.gz", "rt") as file:
        for line in file:
            gold = json.loads(line)["output"][0]["provenance"][0]
            number, start, end = gold["start_paragraph_id"], gold["start_character"], gold["end_character"]
            around = [
                span
                for span in spans[gold["wikipedia_id"]]
                if span.start_paragraph <= number <= span.end_paragraph
            ]
            questions += 1
            paragraph_whole += len(around) == 1
            inside += any(
                (span.start_paragraph, span.start_character) <= (number, start)
                and (number, end) <= (span.end_paragraph, span.end_character)
                for span in around
            )
    assert inside / questions > 0.999
    assert paragraph_whole / questions > 0.75
