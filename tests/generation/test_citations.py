"""Every citation is proven: the quote is the source's text at its span, and its words are the answer's."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skerry.core.words import find_words
from skerry.generation.base import Citation, Source
from skerry.generation.citations import cite


def _forms(text: str) -> list[str]:
    return [word.form for word in find_words(text)]


def _check(answer: str, sources: list[Source], citations: tuple[Citation, ...]) -> None:
    by_id = {source.id: source for source in sources}
    end = 0
    for citation in citations:
        text = by_id[citation.source_id].text
        assert citation.quote == text[citation.source_start : citation.source_end] != ""
        run = answer[citation.answer_start : citation.answer_end]
        assert _forms(run) == _forms(citation.quote) != []
        assert any(word.carries_meaning for word in find_words(run))
        assert citation.answer_start >= end
        end = citation.answer_end


def _sources(*texts: str) -> list[Source]:
    return [Source(f"p#{n}", "Title", text) for n, text in enumerate(texts)]


_words = st.sampled_from(
    [
        "the",
        "of",
        "in",
        "1844",
        "Straße",
        "STRASSE",
        "İstanbul",
        "istanbul",
        "ﬁre",
        "Fire",
        "灯台",
        "e\u0301tat",
        "état",
        *[
            "lamp",
            "Lamp",
            "St.",
            "Louis",
            "O'Neill",
            "—",
            "(",
            ")",
            ",",
            "\u00a0",
            "\n",
            "👩‍🚀",
            "x",
            "ŉ",
            "Ǆ",
        ],
    ]
)
_texts = st.lists(_words, max_size=25).map(" ".join) | st.text(max_size=40)


@settings(max_examples=400, deadline=None)
@given(_texts, st.lists(_texts, max_size=4))
@example("In the İstanbul Straße", ["ﬁrst İİİ STRASSE in İstanbul, STRASSE"])
@example("fire ŉ lamp", ["ŉ Lamp! ﬁre ŉ LAMP"])
def test_citations_are_proven_for_any_text(answer: str, texts: list[str]) -> None:
    sources = _sources(*texts)
    _check(answer, sources, cite(answer, sources))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_copied_run_is_found_where_it_stands(data: st.DataObject) -> None:
    vocabulary = [f"word{n}" for n in range(60)]
    text = data.draw(st.permutations(vocabulary))
    start = data.draw(st.integers(0, 57))
    length = data.draw(st.integers(1, 60 - start))
    source = Source("p#0", "", " ".join(text))
    copied = " ".join(text[start : start + length])
    [citation] = cite(copied.upper(), [source])
    assert citation.quote == copied
    assert (citation.answer_start, citation.answer_end) == (0, len(copied))


def _longest_common_run(a: list[str], b: list[str]) -> int:
    return max(
        (
            n
            for n in range(len(a) + 1)
            for i in range(len(a) - n + 1)
            for j in range(len(b))
            if a[i : i + n] == b[j : j + n]
        ),
        default=0,
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from("pqrst"), min_size=1, max_size=9),
    st.lists(st.sampled_from("pqrst"), max_size=12),
)
def test_the_longest_run_is_among_the_citations(answer: list[str], text: list[str]) -> None:
    a, b = [w * 3 for w in answer], [w * 3 for w in text]
    longest = _longest_common_run(a, b)
    lengths = [len(_forms(c.quote)) for c in cite(" ".join(a), _sources(" ".join(b)))]
    if longest >= 2:
        assert max(lengths) == longest


def test_case_space_and_punctuation_do_not_matter_but_places_are_exact() -> None:
    text = "It was built by (Alan  Stevenson),\nand lit in 1844."
    [citation] = cite("alan stevenson, and LIT", _sources(text))
    assert citation.quote == "Alan  Stevenson),\nand lit"


def test_case_folding_that_changes_lengths_shifts_nothing() -> None:
    text = "İİİ ßßß then Große Straße ends"
    [citation] = cite("GROSSE STRASSE", _sources(text))
    assert citation.quote == "Große Straße"
    assert text[citation.source_start : citation.source_end] == "Große Straße"


@pytest.mark.parametrize(
    ("answer", "quotes"),
    [
        ("1844", ["1844"]),
        ("The lamp", ["the lamp"]),
        ("of the", []),
        ("It was the", []),
        ("They used a lamp and prayers", []),
        ("They came in 1844 and prayed", ["in 1844"]),
        ("They were led by Stevenson bravely", ["by Stevenson"]),
        ("They were led by stevenson bravely", []),
        ("a bright lamp was tended by Stevenson", ["lamp was tended by Stevenson"]),
        ("!?", []),
        ("", []),
    ],
)
def test_what_proves_enough(answer: str, quotes: list[str]) -> None:
    text = "Early in 1844, or late in the year, the lamp was tended by Stevenson."
    assert [c.quote for c in cite(answer, _sources(text))] == quotes


def test_the_better_source_is_preferred_and_several_can_be_cited() -> None:
    sources = _sources(
        "Robert Stevenson built it.", "Robert Stevenson built it in 1810 with stone.", "lit by oil lamps"
    )
    citations = cite("Robert Stevenson; oil lamps", sources)
    assert [(c.source_id, c.quote) for c in citations] == [("p#0", "Robert Stevenson"), ("p#2", "oil lamps")]
    [longest] = cite("Robert Stevenson built it in 1810", sources)
    assert longest.source_id == "p#1"


def test_scripts_without_spaces_are_cited_by_character() -> None:
    [citation] = cite("灯台は白い", _sources("昔から灯台は白い色だった。"))
    assert citation.quote == "灯台は白い"


def test_no_sources_no_citations() -> None:
    assert cite("Alan Stevenson", []) == ()
