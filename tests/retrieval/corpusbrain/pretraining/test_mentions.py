"""Mentions of titles: against a search word by word, and which titles are no names."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpusbrain.pretraining.mentions import find_mentions
from skerry.retrieval.corpusbrain.pretraining.pairs import Link

_WORDS = ("Skerry", "Isle", "Vore", "isle", "of", "sea", "X2")
_NAMES = st.lists(st.sampled_from(_WORDS), min_size=2, max_size=4).map(" ".join)
_TEXTS = st.lists(
    st.tuples(st.sampled_from(_WORDS), st.sampled_from([" ", " ", ", ", "-", "", "\n"])), max_size=25
).map(lambda parts: "".join(word + gap for word, gap in parts))


def _slow(titles: list[str], texts: list[str]) -> list[Link]:
    """At every character the longest title that stands there, titles of several words only."""
    names = {title: page for page, title in enumerate(titles) if titles.count(title) == 1}
    for title, page in list(names.items()):
        small = title[0].lower() + title[1:]
        if small not in names or names[small] == page:
            names[small] = page
    links = []
    for passage, text in enumerate(texts):
        place, seen = 0, {passage}
        while place < len(text):
            fits = [
                name
                for name in names
                if text.startswith(name, place)
                and not text[:place][-1:].isalnum()
                and not text[place + len(name) :][:1].isalnum()
            ]
            if not fits:
                place += 1
                continue
            name = max(fits, key=len)
            if names[name] not in seen:
                seen.add(names[name])
                links.append(Link(passage, place, place + len(name), names[name]))
            place += len(name)
    return links


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(_NAMES, _TEXTS), min_size=1, max_size=6))
def test_mentions_are_those_of_a_search_character_by_character(make_store, pages) -> None:  # type: ignore[no-untyped-def]
    titles, texts = [title for title, _ in pages], [text for _, text in pages]
    store = make_store(*[(title, [text]) for title, text in pages])
    assert list(find_mentions(store)) == _slow(titles, texts)


def _mentioned(make_store: Callable[..., PassageStore], title: str, *texts: str) -> list[str]:
    """What of `texts` is a mention of `title`."""
    store = make_store((title, ["Its own page."]), ("Other", texts or [""]))
    passages = list(store)
    return [
        passages[link.passage].text[link.start : link.end] for link in find_mentions(store) if not link.page
    ]


@pytest.mark.parametrize(
    ("title", "text", "found"),
    [
        ("Solar energy", "The sun gives solar energy.", ["solar energy"]),
        ("Solar energy", "SOLAR ENERGY", []),
        ("New York", "New Yorkers in a new York", ["new York"]),
        ("Apollo", "The god Apollo, not Apollo 11.", ["Apollo"]),
        ("Apollo", "On Apollo 11 and Apollo Creed.", []),
        ("Apollo", "apollo is here", []),
        ("Time", "Time flies; time goes by.", []),
        ("The", "The and The and The", []),
        ("A", "A and A", []),
        ("7", "7 and 7", []),
        ("1984", "The year 1984.", []),
        ("", "Nothing at all", []),
        ("C++", "Written in C++.", ["C++"]),
        ("東京", "私は東京 に", []),
        ("東京", "「東京」に", ["東京"]),
    ],
)
def test_what_a_mention_is(
    make_store: Callable[..., PassageStore], title: str, text: str, found: list[str]
) -> None:
    assert _mentioned(make_store, title, text) == found


def test_a_word_is_common_by_how_often_it_is_small(make_store: Callable[..., PassageStore]) -> None:
    capitals = ["Turkey lies there."] * 20
    assert len(_mentioned(make_store, "Turkey", *capitals, "We ate turkey.")) == 20
    assert not _mentioned(make_store, "Turkey", *capitals, "We ate turkey, turkey and turkey.")


def test_a_page_is_mentioned_once_a_passage_and_never_by_itself(
    make_store: Callable[..., PassageStore],
) -> None:
    store = make_store(
        ("Great Skerry", ["Great Skerry is near Vore Isle. Vore Isle is near Great Skerry."]),
        ("Great Skerry Light", ["On Great Skerry Light.", "On Great Skerry."]),
        ("Vore Isle", ["x"]),
        ("Twin Rock", ["x"]),
        ("Twin Rock", ["By Twin Rock."]),
    )
    assert list(find_mentions(store)) == [Link(0, 21, 30, 2), Link(2, 3, 15, 0)]


def test_no_pages_and_no_names(make_store: Callable[..., PassageStore]) -> None:
    assert list(find_mentions(make_store())) == []
    assert list(find_mentions(make_store(("", ["x"]), ("", ["y"])))) == []
