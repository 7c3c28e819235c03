"""The passage store: what goes in comes out, merges are byte for byte, and damage has a name."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.core.errors import BackendUnavailable, IndexCorrupt, InvalidInput, NotFound
from skerry.retrieval.corpus.records import Passage, PassageLink, Span
from skerry.retrieval.corpus.store import PassageStore, PassageWriter
from skerry.retrieval.corpus.store import writer as writer_module
from skerry.retrieval.corpus.store.layout import HEADER, KINDS

_TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
_NUMBER = st.integers(0, 2**32 - 1)
_SPAN = st.builds(Span, _NUMBER, _NUMBER, _NUMBER, _NUMBER)
_PAGE = st.tuples(
    _TEXT, st.lists(st.tuples(st.sampled_from(["", "A", "A > B"]), _TEXT, _SPAN), min_size=1, max_size=4)
)


def _passages(pages: dict[str, tuple[str, list[tuple[str, str, Span]]]]) -> list[Passage]:
    made: list[Passage] = []
    for page_id, (title, parts) in pages.items():
        for number, (section, text, span) in enumerate(parts):
            made.append(Passage(len(made), f"{page_id}#{number}", page_id, title, section, text, span))
    return made


_CORPUS = st.dictionaries(_TEXT.filter(bool), _PAGE, max_size=6).map(_passages)


def _write(folder: Path, passages: Iterable[Passage]) -> Path:
    with PassageWriter(folder) as writer:
        for passage in passages:
            writer.append(passage, _links(passage))
    return folder


def _links(passage: Passage) -> list[PassageLink]:
    """Some links, that depend on nothing but the passage: none, or the whole text and its last character."""
    size = len(passage.text)
    if size == 0 or size % 2:
        return []
    n = passage.ordinal
    return [PassageLink(n, 0, size, passage.text * 2), PassageLink(n, size - 1, size, "")]


def _simple(pages: int, each: int = 3, prefix: str = "page") -> list[Passage]:
    return _passages(
        {
            f"{prefix}{page}": (
                f"Title {page}",
                [(f"S{n // 2}", f"Text {page}.{n}", Span(n, 0, n, 5)) for n in range(each)],
            )
            for page in range(pages)
        }
    )


@settings(max_examples=60, deadline=None)
@given(corpus=_CORPUS, data=st.data())
def test_round_trip(
    corpus: list[Passage], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = PassageStore.open(_write(tmp_path_factory.mktemp("store"), corpus))
    assert len(store) == len(corpus)
    assert list(store) == corpus
    assert store.page_count == len({passage.page_id for passage in corpus})
    assert [store.ordinal(passage.id) for passage in corpus] == list(range(len(corpus)))
    assert list(store.links()) == [link for passage in corpus for link in _links(passage)]
    assert store.link_count == len(list(store.links()))
    wanted = data.draw(st.lists(st.integers(0, len(corpus) - 1), max_size=10) if corpus else st.just([]))
    assert store.get_many(wanted) == [corpus[n] for n in wanted]
    assert store.get_many(np.array(wanted, np.int32)) == [corpus[n] for n in wanted]
    start = data.draw(st.integers(0, len(corpus)))
    stop = data.draw(st.integers(start, len(corpus)))
    assert list(store.texts(start, stop)) == [(p.title, p.section, p.text) for p in corpus[start:stop]]
    page_ids = {passage.page_id for passage in corpus}
    some = data.draw(st.sets(st.sampled_from(sorted(page_ids)))) if page_ids else set()
    found = store.page_ordinals([*some, "no such page", *some])
    assert found.dtype == np.int64
    assert found.tolist() == [p.ordinal for p in corpus if p.page_id in some]
    assert [store.page(number) for number in range(store.page_count)] == list(store.pages())
    assert [(page, first, count) for page, _, first, count in store.pages()] == [
        (page, next(p.ordinal for p in corpus if p.page_id == page), sum(p.page_id == page for p in corpus))
        for page in dict.fromkeys(p.page_id for p in corpus)
    ]


@settings(max_examples=60, deadline=None)
@given(corpus=_CORPUS, data=st.data())
def test_merging_is_byte_for_byte_the_same_however_shards_are_cut(
    corpus: list[Passage], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    starts = [p.ordinal for p in corpus if p.id.endswith("#0") and p.id == f"{p.page_id}#0"]
    cuts = sorted(data.draw(st.sets(st.sampled_from(starts)))) if starts else []
    bounds = [0, *cuts, len(corpus)]
    parts = [_write(folder / f"part{n}", corpus[low:high]) for n, (low, high) in enumerate(pairwise(bounds))]
    PassageStore.concatenate(parts, folder / "merged")
    whole = _write(folder / "whole", corpus)
    for kind in KINDS:
        assert (folder / "merged" / kind.name).read_bytes() == (whole / kind.name).read_bytes()
    assert PassageStore.open(folder / "merged").digest() == PassageStore.open(whole).digest()


def test_the_digest_tells_every_field_apart(tmp_path: Path) -> None:
    base = Passage(0, "p#0", "p", "T", "S", "text", Span(1, 2, 3, 4))
    variants = [
        base,
        Passage(0, "q#0", "q", "T", "S", "text", Span(1, 2, 3, 4)),
        Passage(0, "p#0", "p", "U", "S", "text", Span(1, 2, 3, 4)),
        Passage(0, "p#0", "p", "T", "", "text", Span(1, 2, 3, 4)),
        Passage(0, "p#0", "p", "T", "S", "texts", Span(1, 2, 3, 4)),
        Passage(0, "p#0", "p", "T", "S", "text", Span(1, 2, 3, 5)),
        Passage(0, "p#0", "p", "TS", "", "text", Span(1, 2, 3, 4)),
        Passage(0, "pT#0", "pT", "", "S", "text", Span(1, 2, 3, 4)),
    ]
    digests = {PassageStore.open(_write(tmp_path / str(n), [p])).digest() for n, p in enumerate(variants)}
    assert len(digests) == len(variants)
    again = PassageStore.open(_write(tmp_path / "again", [base])).digest()
    assert again == PassageStore.open(tmp_path / "0").digest()


def test_the_digest_tells_links_apart(tmp_path: Path) -> None:
    passage = Passage(0, "p#0", "p", "T", "S", "text", Span(1, 2, 3, 4))
    variants: list[list[PassageLink]] = [
        [],
        [PassageLink(0, 0, 1, "q")],
        [PassageLink(0, 0, 2, "q")],
        [PassageLink(0, 0, 1, "r")],
        [PassageLink(0, 0, 1, "q"), PassageLink(0, 1, 2, "q")],
    ]
    for n, links in enumerate(variants):
        with PassageWriter(tmp_path / str(n)) as writer:
            writer.append(passage, links)
    stores = [PassageStore.open(tmp_path / str(n)) for n in range(len(variants))]
    assert len({store.digest() for store in stores}) == len(variants)


def test_no_links_cost_a_header(tmp_path: Path) -> None:
    with PassageWriter(tmp_path) as writer:
        writer.append(Passage(0, "p#0", "p", "T", "", "text", Span(0, 0, 0, 4)))
    assert (tmp_path / "links.col").stat().st_size == HEADER.size
    assert (tmp_path / "names.blob").stat().st_size == HEADER.size + len("pT")


@pytest.mark.parametrize(
    ("link", "message"),
    [
        (PassageLink(0, 2, 2, "q"), "from 2 to 2"),
        (PassageLink(0, -1, 2, "q"), "from -1 to 2"),
        (PassageLink(0, 3, 5, "q"), "4 characters has a link from 3 to 5"),
        (PassageLink(0, 0, 1, "\ud800"), "surrogate"),
    ],
)
def test_a_wrong_link_is_refused_and_the_store_stays_good(
    tmp_path: Path, link: PassageLink, message: str
) -> None:
    passage = Passage(0, "p#0", "p", "T", "", "text", Span(0, 0, 0, 4))
    good = PassageLink(0, 0, 4, "q")
    with PassageWriter(tmp_path) as writer:
        with pytest.raises(InvalidInput, match=message):
            writer.append(passage, [good, link])
        writer.append(passage, [good])
    store = PassageStore.open(tmp_path)
    assert (list(store), list(store.links())) == ([passage], [good])


@pytest.mark.parametrize("number", [-1, 2])
def test_a_page_number_out_of_range(tmp_path: Path, number: int) -> None:
    store = PassageStore.open(_write(tmp_path, _simple(2)))
    assert store.page(1).first == 3
    assert (store.find_page("page1"), store.find_page("page2")) == (1, None)
    with pytest.raises(NotFound, match=f"number {number}"):
        store.page(number)


def test_an_empty_store(tmp_path: Path) -> None:
    store = PassageStore.open(_write(tmp_path, []))
    assert (len(store), store.page_count, list(store), store.get_many([])) == (0, 0, [], [])
    assert list(store.links()) == []
    assert list(store.texts(0, 0)) == []
    with pytest.raises(NotFound):
        store.ordinal("p#0")


@pytest.mark.parametrize("ordinal", [-1, 6, 10**12])
def test_an_ordinal_out_of_range(tmp_path: Path, ordinal: int) -> None:
    store = PassageStore.open(_write(tmp_path, _simple(2)))
    for ask in (
        lambda: store[ordinal],
        lambda: store.get_many([0, ordinal]),
        lambda: list(store.texts(ordinal, ordinal + 1)),
    ):
        with pytest.raises(NotFound, match=str(ordinal)):
            ask()


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "#",
        "page0",
        "page0#",
        "page0#3",
        "page0#00",
        "page0#-1",
        "page0#٣",
        "nope#0",
        "page0#99999999999999999999",
        "\ud800#0",
    ],
)
def test_an_unknown_passage_id(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(NotFound):
        PassageStore.open(_write(tmp_path, _simple(2))).ordinal(wrong)


def test_page_ids_may_hold_the_separator(tmp_path: Path) -> None:
    corpus = _passages(
        {"a#1": ("T", [("", "x", Span(0, 0, 0, 1))]), "a": ("T", [("", "y", Span(0, 0, 0, 1))] * 2)}
    )
    store = PassageStore.open(_write(tmp_path, corpus))
    assert [store.ordinal(name) for name in ("a#1#0", "a#0", "a#1")] == [0, 1, 2]


def test_ids_with_one_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from skerry.retrieval.corpus.store import reader

    for module in (writer_module, reader):
        monkeypatch.setattr(module, "hash_id", lambda page_id: len(page_id) % 2)
    corpus = _simple(30)
    store = PassageStore.open(_write(tmp_path / "a", corpus))
    assert [store.ordinal(passage.id) for passage in corpus] == list(range(len(corpus)))
    with pytest.raises(InvalidInput, match="'page7'"):
        _write(tmp_path / "b", [*corpus, *(p for p in corpus if p.page_id == "page7")])


def test_a_page_in_two_shards_is_refused_when_they_are_merged(tmp_path: Path) -> None:
    parts = [_write(tmp_path / str(n), _simple(2)) for n in range(2)]
    with pytest.raises(InvalidInput, match=r"Two pages have the id 'page\d'"):
        PassageStore.concatenate(parts, tmp_path / "out")
    with pytest.raises(IndexCorrupt, match="never finished"):
        PassageStore.open(tmp_path / "out")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Passage(0, "p#1", "p", "T", "", "x", Span(0, 0, 0, 0)), "should have the id 'p#0'"),
        (Passage(0, "other", "p", "T", "", "x", Span(0, 0, 0, 0)), "should have the id 'p#0'"),
        (
            Passage(0, "page0#0", "page0", "Title 0", "", "x", Span(0, 0, 0, 0)),
            "should have the id 'page0#3'",
        ),
        (Passage(0, "#0", "", "T", "", "x", Span(0, 0, 0, 0)), "empty page id"),
        (Passage(0, "p#0", "p", "T", "", "\ud800", Span(0, 0, 0, 0)), "surrogate"),
        (Passage(0, "p#0", "p", "\udfff", "", "x", Span(0, 0, 0, 0)), "surrogate"),
        (Passage(0, "p#0", "p", "T", "\udfff", "x", Span(0, 0, 0, 0)), "surrogate"),
        (Passage(0, "page0#3", "page0", "Other", "", "x", Span(0, 0, 0, 0)), "has the title"),
        (Passage(0, "page0#3", "page0", "Title 0", "", "x", Span(-1, 0, 0, 0)), "span"),
        (Passage(0, "page0#3", "page0", "Title 0", "", "x", Span(0, 0, 0, 2**32)), "span"),
    ],
)
def test_a_passage_that_breaks_the_rules_is_refused_and_the_store_stays_good(
    tmp_path: Path, broken: Passage, message: str
) -> None:
    corpus = _simple(1)
    with PassageWriter(tmp_path) as writer:
        for passage in corpus:
            writer.append(passage, _links(passage))
        with pytest.raises(InvalidInput, match=message):
            writer.append(broken)
    store = PassageStore.open(tmp_path)
    assert (list(store), store.page_count) == (corpus, 1)
    assert store.digest() == PassageStore.open(_write(tmp_path / "clean", corpus)).digest()


def test_an_unfinished_store_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), PassageWriter(tmp_path) as writer:
        writer.append(_simple(1)[0])
        raise ZeroDivisionError
    with pytest.raises(IndexCorrupt, match="never finished"):
        PassageStore.open(tmp_path)
    with pytest.raises(InvalidInput, match="closed"):
        writer.append(_simple(1)[0])


def test_writing_again_leaves_an_open_reader_alone(tmp_path: Path) -> None:
    old = PassageStore.open(_write(tmp_path, _simple(3)))
    _write(tmp_path, _simple(1, prefix="new"))
    assert old[8].text == "Text 2.2"
    assert PassageStore.open(tmp_path)[0].page_id == "new0"


@pytest.mark.parametrize("name", [kind.name for kind in KINDS])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: path.write_bytes(b""), "shorter than its header"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "its header says"),
        (lambda path: path.write_bytes(path.read_bytes() + b"\0"), "its header says"),
        (lambda path: path.write_bytes(bytes(HEADER.size)), "never finished"),
        (lambda path: path.write_bytes(b"{}" * 500), "is not a"),
        (lambda path: _flip(path, 8), "format version"),
        (lambda path: _flip(path, 10), "is not a"),
        (lambda path: _flip(path, 12), "damaged header"),
        (lambda path: _flip(path, 16), "damaged header"),
        (lambda path: _flip(path, 24), "damaged header"),
        (lambda path: _flip(path, 40), "another passage store"),
    ],
)
def test_damage_names_the_file(
    tmp_path: Path, name: str, damage: Callable[[Path], Any], message: str
) -> None:
    _write(tmp_path, _simple(3))
    damage(tmp_path / name)
    with pytest.raises(IndexCorrupt, match=message) as caught:
        PassageStore.open(tmp_path)
    assert tmp_path.name in caught.value.details["path"]


def _flip(path: Path, byte: int) -> None:
    data = bytearray(path.read_bytes())
    data[byte] ^= 0x40
    path.write_bytes(data)


def test_files_of_two_stores_do_not_mix(tmp_path: Path) -> None:
    _write(tmp_path / "a", _simple(3))
    _write(tmp_path / "b", _simple(3, prefix="sage"))
    (tmp_path / "a" / "names.blob").write_bytes((tmp_path / "b" / "names.blob").read_bytes())
    with pytest.raises(IndexCorrupt, match="another passage store"):
        PassageStore.open(tmp_path / "a")


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(IndexCorrupt, match="cannot be read"):
        PassageStore.open(tmp_path / "nothing")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_in_a_payload_never_gives_another_kind_of_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = _write(tmp_path_factory.mktemp("flip"), _simple(4))
    path = folder / data.draw(st.sampled_from(KINDS)).name
    raw = bytearray(path.read_bytes())
    raw[data.draw(st.integers(HEADER.size, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(raw)
    store = PassageStore.open(folder)
    for use in (
        lambda: list(store),
        lambda: store.ordinal("page2#1"),
        lambda: store.page_ordinals(["page1", "page3"]),
        lambda: list(store.pages()),
        lambda: list(store.links()),
    ):
        try:
            use()
        except (IndexCorrupt, NotFound):
            continue


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(BackendUnavailable, match="Writing under"):
        PassageWriter(blocked / "store")


def test_many_threads_and_processes_read_the_same(tmp_path: Path) -> None:
    store = PassageStore.open(_write(tmp_path, _simple(50)))
    assert list(pickle.loads(pickle.dumps(store))) == list(store)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(PassageStore.get_many, (store, [3, 1])) == store.get_many([3, 1])
