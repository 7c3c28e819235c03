"""Quotes: every run that is told stands in the corpus as often as told, and where told; nothing is missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, DeadlineExceeded, InvalidInput
from skerry.core.words import find_words, is_of_word
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.quotes import Quote
from skerry.retrieval.seal.quotes.finder import SealQuoteFinder
from skerry.retrieval.seal.quotes.spelling import cases, joins
from skerry.retrieval.seal.quotes.units import Unit, find_units

Corpus = Sequence[tuple[str, str]]
Made = tuple[SealQuoteFinder, PassageStore]
Make = Callable[[Corpus], Made]

_LIGHTS = (
    ("Skerryvore", "Skerryvore is a lighthouse off Tiree. Alan Stevenson built it; it was lit in 1844."),
    (
        "Bell Rock",
        'The "Bell Rock" lighthouse (Robert Stevenson built it) is well-known. It was lit in 1811.',
    ),
    ("Skerryvore", "The keepers of Skerryvore lived on Tiree, in Hynish, from 1844 on."),
)


def _find(made: Made, text: str, **more: object) -> tuple[Quote, ...]:
    return made[0].find(text, Deadline(60), **more)  # type: ignore[arg-type]


def _told(quotes: Sequence[Quote]) -> list[tuple[str, bool, int]]:
    return [(quote.text, quote.supported, quote.count) for quote in quotes]


def _check_places(quotes: Sequence[Quote], store: PassageStore, text: str) -> None:
    passages = {passage.id: passage for passage in store}
    for quote in quotes:
        assert text[quote.start : quote.end] == quote.text
        assert bool(quote.places) == (quote.count > 0)
        assert len({place.passage_id for place in quote.places}) == len(quote.places) <= 3
        for place in quote.places:
            passage = passages[place.passage_id]
            whole = passage.title if place.in_title else passage.text
            assert whole[place.start : place.end] == place.quote
            assert whole.encode()[place.start_byte :].startswith(place.quote.encode())
            assert [w.form for w in find_words(place.quote)] == [w.form for w in find_words(quote.text)]
            assert place.title == passage.title


def test_an_answer_is_cut_into_what_stands_and_what_does_not(make: Make) -> None:
    made = make(_LIGHTS)
    text = "Alan Stevenson built it; it was lit in 1844 by a zyzzyva of quux, on Tiree in Hynish."
    quotes = _find(made, text)
    assert _told(quotes) == [
        ("Alan Stevenson built it; it was lit in 1844", True, 1),
        ("zyzzyva of quux", False, 0),
        ("on Tiree in Hynish", True, 1),
    ]
    _check_places(quotes, made[1], text)
    [place] = quotes[0].places
    assert (place.passage_id, place.quote) == ("p0#0", "Alan Stevenson built it; it was lit in 1844")
    # The corpus has a comma that the text has not.
    assert quotes[2].places[0].quote == "on Tiree, in Hynish"


def test_a_wrong_number_is_not_supported_though_the_corpus_has_it(make: Make) -> None:
    quotes = _find(make(_LIGHTS), "Skerryvore is a lighthouse off Tiree lit 1811")
    assert _told(quotes) == [
        ("Skerryvore is a lighthouse off Tiree", True, 1),
        ("lit 1811", False, 0),
    ]
    alone = _find(make(_LIGHTS), "Skerryvore is a lighthouse off Tiree since 1811")
    assert _told(alone)[1] == ("1811", False, 1)
    assert alone[1].places[0].passage_id == "p1#0"


def test_a_citation_makes_a_single_word_enough(make: Make) -> None:
    text = "Skerryvore is a lighthouse off Tiree since 1844"
    at = text.index("1844")
    assert _told(_find(make(_LIGHTS), text))[1] == ("1844", False, 2)
    assert _told(_find(make(_LIGHTS), text, proven=((at, at + 4),)))[1] == ("1844", True, 2)
    assert _told(_find(make(_LIGHTS), text, proven=((at, at + 3),)))[1] == ("1844", False, 2)


def test_the_only_word_of_meaning_is_enough_and_function_words_prove_nothing(make: Make) -> None:
    made = make(_LIGHTS)
    assert _told(_find(made, "In 1844.")) == [("In 1844", True, 1)]
    assert _told(_find(made, "1844")) == [("1844", True, 2)]
    for text in ("", " \n", "It was in the", "?!", "the of"):
        assert _find(made, text) == ()
    assert _told(_find(made, "quux")) == [("quux", False, 0)]


def test_of_what_is_common_some_places_are_read(make: Make) -> None:
    """More often than occurrences are located, and in several ways: after a space, after a mark."""
    made = make((("Oil", "lamp " * 4000), ("Gas", "(lamp " * 3000), ("", "(lamp) " * 3000)))
    for text, count in (("lamp", 10_000), ("lamp lamp", 3999), ("lamp (lamp", 6998)):
        quotes = _find(made, text)
        assert [quote.count for quote in quotes] == [count]
        _check_places(quotes, made[1], text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("BELL ROCK", 2),
        ("rocks lighthouse", 0),
        ("robert stevenson built it", 1),
        ("Well known", 1),
        ("well–known", 1),
        ("Robert Stevenson, built", 1),
        ("Robert\nStevenson  built", 1),
        ("obert Stevenson", 0),
        ("Robert Stevens", 0),
        ("184 lit", 0),
        ("lit in 184", 0),
    ],
)
def test_cases_joins_and_borders_of_words(make: Make, text: str, count: int) -> None:
    """Words are whole whatever is before them: a space, a bracket, a quotation mark, a dash."""
    quotes = _find(make(_LIGHTS), text)
    assert _told(quotes)[0][1:] == (count > 0, count) if count else not any(q.supported for q in quotes)


def test_neighbours_share_a_word_rather_than_break_a_name(make: Make) -> None:
    made = make((("A", "The light was built by Alan Smith."), ("B", "Then Alan Stevenson came.")))
    assert _told(_find(made, "light was built by Alan Stevenson")) == [
        ("light was built by Alan", True, 1),
        ("Alan Stevenson", True, 1),
    ]


def test_titles_are_places_after_texts_and_given_passages_come_first(make: Make) -> None:
    made = make(_LIGHTS)
    [quote] = _find(made, "Skerryvore")
    assert quote.count == 4
    assert [(p.passage_id, p.in_title) for p in quote.places] == [("p0#0", False), ("p2#0", False)]
    [quote] = _find(made, "Skerryvore", first=("p2#0", "elsewhere#7"))
    assert [p.passage_id for p in quote.places] == ["p2#0", "p0#0"]
    [quote] = _find(make((("Bell Rock", "A light."),)), "bell rock")
    [place] = quote.places
    assert (place.in_title, place.quote, place.start, place.end) == (True, "Bell Rock", 0, 9)


def test_a_run_does_not_reach_over_borders_of_passages_and_titles(make: Make) -> None:
    made = make((("Bell Rock", "Lights shine."), ("Tiree", "Keepers lived.")))
    for text in ("Rock Lights", "shine Tiree", "shine Keepers"):
        assert not any(quote.supported for quote in _find(made, text))


def test_characters_that_tokens_break_and_scripts_without_spaces(make: Make) -> None:
    corpus = (("灯台", "東京都の灯台は naïve café ‘light’ — Straße 🗼 tower, Ωμέγα."),)
    made = make(corpus)
    text = "NAÏVE cafe\u0301, light — straße 🗼 Tower ωμέγα 灯台"
    quotes = _find(made, text)
    _check_places(quotes, made[1], text)
    assert {quote.places[0].quote for quote in quotes if quote.supported} >= {"naïve café"}
    # A clause without spaces is one word to the index: a part of it is no quote.
    assert _told(_find(made, "東京")) == [("東京", False, 0)]
    assert _told(_find(made, "東京都の灯台は")) == [("東京都の灯台は", True, 1)]


def test_an_empty_corpus_supports_nothing(make: Make) -> None:
    assert _told(_find(make([("", "")]), "Alan Stevenson built it")) == [
        ("Alan Stevenson built", False, 0),
    ]


def test_contractions(make: Make) -> None:
    made = make((("A", "The lamp wasn’t lit. Robert's lamp isn't here."),))
    assert _told(_find(made, "the lamp wasn't lit"))[0] == ("the lamp wasn't lit", True, 1)
    assert _told(_find(made, "Robert’s lamp isn’t"))[0] == ("Robert’s lamp isn’t", True, 1)


def test_what_stops_the_work(make: Make) -> None:
    made = make(_LIGHTS)
    with pytest.raises(InvalidInput, match="Unicode"):
        _find(made, "Alan \udc80 Stevenson")
    with pytest.raises(DeadlineExceeded):
        made[0].find("Alan Stevenson", Deadline(0))
    gone = Deadline()
    gone.cancel()
    with pytest.raises(Cancelled):
        made[0].find("Alan Stevenson", gone)


_WORD = st.sampled_from(
    ["alan", "Alan", "ALAN", "an", "lan", "light", "lighthouse", "the", "in", "1844", "184", "é"]
)
_BETWEEN = st.sampled_from([" ", " ", " ", " ", ", ", "-", ". ", " (", ") ", ' "', '" ', "\n", "–", " — "])


@st.composite
def _texts(draw: st.DrawFn, longest: int) -> str:
    words = draw(st.lists(_WORD, min_size=1, max_size=longest))
    begin = draw(st.sampled_from(["", "", "(", '"']))
    return begin + words[0] + "".join(draw(_BETWEEN) + word for word in words[1:])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(_texts(2), _texts(14)), min_size=1, max_size=5), _texts(9))
def test_against_brute_force(make: Make, corpus: list[tuple[str, str]], text: str) -> None:
    made = make(corpus)
    quotes = _find(made, text)
    _check_places(quotes, made[1], text)
    assert [(q.start, q.end, q.supported, q.count) for q in quotes] == list(_expected(corpus, text))


def _expected(corpus: Corpus, text: str) -> Iterator[tuple[int, int, bool, int]]:
    units = find_units(text)
    spots = range(len(units))
    counts = {(i, j): _count(corpus, units[i:j]) for i in spots for j in range(i + 1, len(units) + 1)}
    standing = {run for run, count in counts.items() if count}
    needed = min(2, sum(unit.meaning for unit in units))
    place, runs = 0, []
    while place < len(units):
        around = [run for run in standing if run[0] <= place < run[1]]
        if not around:
            place += 1
            continue
        stop = max(run[1] for run in around if (place, run[1]) in standing)
        run = min(run for run in standing if run[1] == stop)
        if sum(unit.meaning for unit in units[run[0] : stop]) >= max(needed, 1):
            runs.append(run)
        place = stop
    covered = {spot for run in runs for spot in range(*run)}
    pieces = [(run, True) for run in runs]
    bare = [spot for spot in spots if spot not in covered and units[spot].meaning]
    for spot in bare:
        last = pieces[-1][0] if pieces and not pieces[-1][1] else None
        if last is not None and not covered & set(range(last[1], spot)):
            pieces[-1] = ((last[0], spot + 1), False)
        else:
            pieces.append(((spot, spot + 1), False))
    for (low, high), supported in sorted(pieces):
        yield units[low].start, units[high - 1].end, supported, counts[low, high]


def _count(corpus: Corpus, units: Sequence[Unit]) -> int:
    """In how many places words follow each other so, in titles and texts."""
    return sum(
        _stands(whole, at, units)
        for passage in corpus
        for whole in (" ".join(part.split()) for part in passage)
        for at in range(len(whole))
        if at == 0 or not is_of_word(whole[at - 1])
    )


def _stands(whole: str, at: int, units: Sequence[Unit], join: bool = False) -> bool:
    if not units:
        return at == len(whole) or not is_of_word(whole[at])
    return any(
        _stands(whole, at + len(between + form), units[1:], join=True)
        for between in (joins(units[0].before) if join else ("",))
        for form in cases(units[0].text)
        if whole.startswith(between + form, at)
    )
