"""Pairs of a real corpus: how many there are of each kind, and that every page is in them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from skerry.retrieval.corpus.anchors import passage_links
from skerry.retrieval.corpus.chunking import Chunking, chunk_page
from skerry.retrieval.corpus.readers import open_corpus
from skerry.retrieval.corpus.store import PassageStore, PassageWriter
from skerry.retrieval.corpusbrain.pretraining.hip import hyperlinks
from skerry.retrieval.corpusbrain.pretraining.iss import inner_sentences
from skerry.retrieval.corpusbrain.pretraining.links import resolved_links
from skerry.retrieval.corpusbrain.pretraining.lps import lead_paragraphs

pytestmark = pytest.mark.shared_data
_PAGES = 60


def test_the_first_pages_of_squad(shared_data: Path, tmp_path: Path) -> None:
    with PassageWriter(tmp_path) as writer:
        for page in islice(open_corpus(shared_data / "kilt_squad/knowledge_source.jsonl.gz", "kilt"), _PAGES):
            passages = chunk_page(page, Chunking())
            for passage, links in zip(passages, passage_links(page, passages), strict=True):
                writer.append(passage, links)
    store = PassageStore.open(tmp_path)
    links = list(resolved_links(store))
    sentences = list(inner_sentences(store, links, related=4))
    leads = list(lead_paragraphs(store, links))
    linked = list(hyperlinks(store, links))
    assert {pair.pages[0] for pair in sentences} == {pair.pages[0] for pair in leads} == set(range(_PAGES))
    assert len(sentences) > 5 * len(store)
    assert 5 * _PAGES < len(leads) <= 6 * _PAGES
    assert 0 < len(linked) <= len(links)
    titles = [page.title.lower() for page in store.pages()]
    assert all(titles[pair.pages[0]] in pair.source.lower() for pair in linked)
