"""The three tasks: what they give, from any corpus, and that only the store and the seed decide it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skerry.core.errors import InvalidInput
from skerry.retrieval.corpus.sentences import split_sentences
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpus.words import count_words
from skerry.retrieval.corpusbrain.pretraining.disguise import Disguise
from skerry.retrieval.corpusbrain.pretraining.hip import hyperlinks
from skerry.retrieval.corpusbrain.pretraining.iss import inner_sentences
from skerry.retrieval.corpusbrain.pretraining.lps import lead_paragraphs
from skerry.retrieval.corpusbrain.pretraining.pairs import Link, Pair

_SENTENCES = (
    "The reef lies off the coast.",
    "Seals rest there at low tide!",
    "Why do they come back?",
    "So it is.",
    "no end",
    "東京は日本の首都です。",
    "A list:\nof one\nof two",
)
_TEXT = st.one_of(
    st.lists(st.sampled_from(_SENTENCES), min_size=1, max_size=6).map(" ".join),
    st.text(st.characters(codec="utf-8"), max_size=40),
)
_PAGES = st.lists(
    st.tuples(st.sampled_from(["Reef", "Seal", "Reef", ""]), st.lists(_TEXT, min_size=1, max_size=4)),
    min_size=1,
    max_size=5,
)
_PROPERTY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _page_numbers(store: PassageStore) -> list[int]:
    return [number for number, page in enumerate(store.pages()) for _ in range(page.passages)]


@st.composite
def _links(draw: st.DrawFn, pages: list[tuple[str, list[str]]]) -> list[Link]:
    texts = [text for _, texts in pages for text in texts]
    links = []
    for passage, text in enumerate(texts):
        for _ in range(draw(st.integers(0, 2)) if text else 0):
            start = draw(st.integers(0, len(text) - 1))
            end = draw(st.integers(start + 1, len(text)))
            links.append(Link(passage, start, end, draw(st.integers(0, len(pages) - 1))))
    return links


@_PROPERTY
@given(st.data(), _PAGES, st.integers(0, 3))
def test_every_source_is_text_of_its_page(make_store, data, pages, seed) -> None:  # type: ignore[no-untyped-def]
    store = make_store(*pages)
    links = data.draw(_links(pages))
    linked = {
        page: {link.page for link in links if _page_numbers(store)[link.passage] == page}
        for page in range(len(pages))
    }
    for task in (inner_sentences, lead_paragraphs):
        pairs = list(task(store, links, seed, related=4))
        assert pairs == list(task(store, iter(links), seed, related=4))
        for pair in pairs:
            page, *related = pair.pages
            assert any(pair.source in text for text in pages[page][1])
            assert count_words(pair.source) >= 4
            assert len(related) <= 4
            assert len(set(related)) == len(related)
            assert set(related) <= linked[page] - {page}
        assert [pair.pages[0] for pair in pairs] == sorted(pair.pages[0] for pair in pairs)


@_PROPERTY
@given(_PAGES)
def test_each_sentence_of_four_words_comes_once(make_store, pages) -> None:  # type: ignore[no-untyped-def]
    store = make_store(*pages)
    pairs = list(inner_sentences(store, runs=0, spans=0, whole=0))
    expected = [
        Pair(text[start:end], (page,))
        for page, (_, texts) in enumerate(pages)
        for text in texts
        for start, end in split_sentences(text)
        if count_words(text[start:end]) >= 4
    ]
    assert pairs == expected


@_PROPERTY
@given(st.data(), _PAGES, st.integers(0, 3))
def test_a_link_gives_one_to_three_sentences_and_what_it_points_to(make_store, data, pages, seed) -> None:  # type: ignore[no-untyped-def]
    store = make_store(*pages)
    links = data.draw(_links(pages))
    texts = [text for _, texts in pages for text in texts]
    numbers = _page_numbers(store)
    pairs = list(hyperlinks(store, links, seed))
    assert pairs == list(hyperlinks(store, links, seed))
    foreign = [link for link in links if link.page != numbers[link.passage]]
    assert not Counter(pair.pages[0] for pair in pairs) - Counter(link.page for link in foreign)
    for pair in pairs:
        assert any(
            pair.source in texts[link.passage]
            and _touched(texts[link.passage], link) <= len(split_sentences(pair.source)) + 1
            and texts[link.passage][link.start : link.end].strip() in pair.source
            for link in foreign
            if (link.page,) == pair.pages
        )


def _touched(text: str, link: Link) -> int:
    return sum(start < link.end and link.start < end for start, end in split_sentences(text))


_TALE = ("One two three four.", "Five six seven eight.", "Nine ten eleven twelve.", "Go on and on.")


def test_windows_around_a_link(make_store: Callable[..., PassageStore]) -> None:
    text = " ".join(_TALE)
    store = make_store(("A", [text]), ("B", ["Nothing but this text."]))
    links = [Link(0, text.index("seven"), text.index("seven") + 5, 1)]
    sources = {pair.source for seed in range(40) for pair in hyperlinks(store, links, seed)}
    assert sources == {_TALE[1], " ".join(_TALE[:2]), " ".join(_TALE[1:3]), " ".join(_TALE[:3])}


def test_runs_spans_and_whole_passages(make_store: Callable[..., PassageStore]) -> None:
    text = " ".join(_TALE)
    store = make_store(("A", [text]))
    runs = [p.source for p in inner_sentences(store, share=0, runs=1, spans=0, whole=0)]
    assert runs
    assert {len(split_sentences(run)) for run in runs} <= {2, 3}
    spans = [
        p.source for seed in range(20) for p in inner_sentences(store, (), seed, share=0, runs=0, spans=1)
    ]
    assert {len(span.split()) for span in spans if span != text} <= set(range(5, 21))
    assert len(set(spans)) > 20
    assert [p.source for p in inner_sentences(store, share=0, runs=0, spans=0, whole=1)] == [text]


def test_leads_whole_and_cut(make_store: Callable[..., PassageStore]) -> None:
    text = " ".join(_TALE)
    store = make_store(("A", [text, _TALE[0], text, text]), ("B", ["Two words"]))
    pairs = list(lead_paragraphs(store, leads=2, cuts=5))
    assert [p.source for p in pairs if p.source == text] == [text]
    assert [p.source for p in pairs][-1] == _TALE[0]
    cut = {p.source for p in pairs if p.source != text}
    assert cut <= {" ".join(_TALE[:n]) for n in (1, 2, 3)}
    assert list(lead_paragraphs(store, leads=0)) == []
    assert len(list(lead_paragraphs(store, leads=9, cuts=0))) == 4


def test_seeds_and_pages_are_independent(make_store: Callable[..., PassageStore]) -> None:
    pages = [(f"T{n}", [" ".join(_TALE)] * 3) for n in range(6)]
    few, many = make_store(*pages[:5]), make_store(*pages)
    assert list(inner_sentences(few, seed=1)) == [p for p in inner_sentences(many, seed=1) if p.pages[0] < 5]
    assert list(inner_sentences(few, seed=1)) != list(inner_sentences(few, seed=2))
    assert list(lead_paragraphs(few, seed=1)) != list(lead_paragraphs(few, seed=2))


def test_what_everything_links_to_does_not_drown_the_rest(make_store: Callable[..., PassageStore]) -> None:
    store = make_store(("A", [_TALE[0]] * 2000), ("B", [_TALE[1]]), ("C", [_TALE[2]]))
    links = [Link(n, 0, 3, 1 if n % 100 else 2) for n in range(2000)]
    counts = Counter(pair.pages[0] for pair in hyperlinks(store, links, most=50))
    assert counts[2] == 20
    assert 50 < counts[1] < 50 * 7
    assert len(list(hyperlinks(store, links, most=5000))) == 2000
    assert 800 < len(list(hyperlinks(store, links, share=0.5, most=5000))) < 1200


def test_a_corpus_of_one_page_without_a_sentence(make_store: Callable[..., PassageStore]) -> None:
    store = make_store(("", ["x"]))
    links = [Link(0, 0, 1, 0)]
    tasks: list[Iterator[Pair]] = [
        inner_sentences(store, links, related=4),
        lead_paragraphs(store, links, related=4),
        hyperlinks(store, links),
        hyperlinks(store, []),
    ]
    assert [list(task) for task in tasks] == [[], [], [], []]


def test_an_empty_corpus(make_store: Callable[..., PassageStore]) -> None:
    store = make_store()
    assert not [*inner_sentences(store), *lead_paragraphs(store), *hyperlinks(store, [])]


def test_disguised_sources(make_store: Callable[..., PassageStore]) -> None:
    store = make_store(("The Reef", ["Reefs surround the reef's old light at the reef."]), ("B", ["It"]))
    (pair,) = inner_sentences(store, runs=0, spans=0, whole=0, disguise=Disguise(mask=1, lower=1))
    assert pair.source == "reefs surround the old light at the ."
    links = [Link(0, 0, 5, 1)]
    (pair,) = hyperlinks(store, links, disguise=Disguise(mask=1))
    assert pair.source == "Reefs surround the reef's old light at the reef."


@pytest.mark.parametrize(
    "wrong",
    [
        lambda store: inner_sentences(store, share=1.5),
        lambda store: inner_sentences(store, runs=-0.1),
        lambda store: inner_sentences(store, spans=float("nan")),
        lambda store: inner_sentences(store, whole=2),
        lambda store: inner_sentences(store, related=5),
        lambda store: lead_paragraphs(store, leads=-1),
        lambda store: lead_paragraphs(store, cuts=-1),
        lambda store: lead_paragraphs(store, related=-1),
        lambda store: hyperlinks(store, [], share=7),
        lambda store: hyperlinks(store, [], most=0),
        lambda store: Disguise(mask=2),
        lambda store: Disguise(lower=-1),
    ],
)
def test_options_out_of_range(
    make_store: Callable[..., PassageStore], wrong: Callable[[PassageStore], object]
) -> None:
    with pytest.raises(InvalidInput):
        wrong(make_store(("A", ["Some text here."])))
