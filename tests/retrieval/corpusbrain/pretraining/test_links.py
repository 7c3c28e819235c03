"""Anchors find their pages however they are spelt, and mentions stand in where nothing is linked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from skerry.retrieval.corpus.anchors import passage_links
from skerry.retrieval.corpus.chunking import Chunking, chunk_page
from skerry.retrieval.corpus.readers.pydoc import PydocReader
from skerry.retrieval.corpus.records import Anchor, Page
from skerry.retrieval.corpus.store import PassageStore, PassageWriter
from skerry.retrieval.corpusbrain.pretraining import links as links_module
from skerry.retrieval.corpusbrain.pretraining.hip import hyperlinks
from skerry.retrieval.corpusbrain.pretraining.links import resolved_links
from skerry.retrieval.corpusbrain.pretraining.mentions import find_mentions
from skerry.retrieval.corpusbrain.pretraining.pairs import Link


def _store(folder: Path, pages: Sequence[Page]) -> PassageStore:
    with PassageWriter(folder) as writer:
        for page in pages:
            passages = chunk_page(page, Chunking())
            for passage, links in zip(passages, passage_links(page, passages), strict=True):
                writer.append(passage, links)
    return PassageStore.open(folder)


_TITLES = {
    "1984": "Great Skerry",
    "12": "1984",
    "c": "C#",
    "p": "100% wool",
    "e": "École",
    "twin1": "Twin",
    "twin2": "twin",
}


@pytest.mark.parametrize(
    ("target", "page_id"),
    [
        ("Great Skerry", "1984"),
        ("great Skerry", "1984"),
        ("Great_Skerry", "1984"),
        ("Great%20Skerry", "1984"),
        ("great%20Skerry#Tide%23", "1984"),
        ("Great Skerry#History", "1984"),
        (" Great  Skerry ", "1984"),
        ("1984", "12"),
        ("12", "12"),
        ("C#", "c"),
        ("C%23", "c"),
        ("C##Types", None),
        ("100% wool", "p"),
        ("100%25 wool", "p"),
        ("école", "e"),
        ("%C3%A9cole", "e"),
        ("great skerry", None),
        ("Twin", None),
        ("twin1", "twin1"),
        ("#History", None),
        ("%ff", None),
        ("Elsewhere", None),
    ],
)
def test_how_a_target_is_read(tmp_path: Path, target: str, page_id: str | None) -> None:
    pages = [Page(n, title, (title, f"About {n} and more.")) for n, title in _TITLES.items()]
    pages.append(Page("from", "From", ("From", "See it."), (Anchor("it", target, 1, 4, 6),)))
    links = list(resolved_links(_store(tmp_path, pages)))
    expected = [] if page_id is None else [Link(7, 4, 6, list(_TITLES).index(page_id))]
    assert links == expected


def test_titles_whose_hashes_are_equal_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links_module, "hash_id", lambda title: 2**64 - 1 - len(title) % 2)
    titles = ["One", "Two", "Four", "Five"]
    pages = [
        Page(f"id{n}", title, (title, "See it."), (Anchor("it", titles[n - 1], 1, 4, 6),))
        for n, title in enumerate(titles)
    ]
    assert [link.page for link in resolved_links(_store(tmp_path, pages))] == [3, 0, 1, 2]


def test_links_of_the_python_reference(tmp_path: Path) -> None:
    pages = list(PydocReader())
    store = _store(tmp_path, pages)
    links = list(resolved_links(store))
    numbers = {page.id: number for number, page in enumerate(store.pages())}
    assert [numbers[link.target] for link in store.links()] == [link.page for link in links]
    pairs = list(hyperlinks(store, links))
    assert len(pairs) > 0.9 * len(links)
    assert {pair.pages[0] for pair in pairs} <= {link.page for link in links}


def test_a_corpus_without_anchors_has_mentions(make_store: Callable[..., PassageStore]) -> None:
    store = make_store(("Great Skerry", ["A rock off Tiree."]), ("Tiree", ["An isle by Great Skerry."]))
    assert (
        list(resolved_links(store)) == list(find_mentions(store)) == [Link(0, 11, 16, 1), Link(1, 11, 23, 0)]
    )
