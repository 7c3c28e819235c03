"""What an answer rests on, in the sources' own characters."""

from __future__ import annotations

import pytest

from skerry.core.deadline import Deadline
from skerry.generation.base import Citation, Completed, GenerationRequest, Source
from skerry.generation.engine import TransformersGenerator
from skerry.generation.model import LoadedModel
from skerry.generation.plan import ContextPlan
from skerry.generation.selection.attribution import SentenceWeight
from skerry.generation.supports import MOST, Supports

SOURCES = (
    Source("light#0", "Skerryvore", "It was built by Alan Stevenson. It was lit in 1844, at night."),
    Source("bell#0", "Bell Rock", "A reef: 灯台. Robert Stevenson built it. The tide covers it."),
)


@pytest.fixture(scope="module")
def loaded(tiny_generator: TransformersGenerator) -> LoadedModel:
    return tiny_generator.loaded()


def _supports(loaded: LoadedModel, *rows: tuple[int, int, float]) -> Supports:
    prompt = loaded.prompting.fit("Who?", SOURCES, 900)
    return Supports(prompt, SOURCES, loaded.tokenizer, [SentenceWeight(*row) for row in rows])


def _rows(loaded: LoadedModel, source: int) -> tuple[int, int]:
    """First row of a source's passage, and behind its last; the best source stands last."""
    prompt = loaded.prompting.fit("Who?", SOURCES, 900)
    other, best = prompt.passages
    start = len(prompt.prefix)
    return (
        (start + len(other), start + len(other) + len(best)) if source == 0 else (start, start + len(other))
    )


@pytest.mark.parametrize("number", [0, 1])
def test_rows_of_a_whole_passage_are_the_whole_text(loaded: LoadedModel, number: int) -> None:
    [one] = _supports(loaded, (*_rows(loaded, number), 0.5)).sentences()
    assert (one.source_id, one.weight) == (SOURCES[number].id, 0.5)
    assert (one.start, one.end) == (0, len(SOURCES[number].text))


def test_every_row_is_in_the_characters_that_it_gives(loaded: LoadedModel) -> None:
    start, end = _rows(loaded, 1)
    text = SOURCES[1].text
    found = [_supports(loaded, (row, row + 1, 1.0)).sentences() for row in range(start, end)]
    places = [one for ones in found for one in ones]
    assert {one.source_id for one in places} == {"bell#0"}
    assert "".join(dict.fromkeys(text[one.start : one.end] for one in places))
    assert all(0 <= one.start < one.end <= len(text) for one in places)
    assert [one.start for one in places] == sorted(one.start for one in places)


def test_the_title_and_what_is_no_source_are_left_out(loaded: LoadedModel) -> None:
    start, _ = _rows(loaded, 1)
    assert _supports(loaded, (0, start, 0.9), (start, start + 2, 0.1)).sentences() == ()


def test_over_the_border_of_two_passages(loaded: LoadedModel) -> None:
    _, border = _rows(loaded, 1)
    both = _supports(loaded, (border - 12, border + 40, 0.25)).sentences()
    assert [one.source_id for one in both] == ["light#0", "bell#0"] or len(
        {one.source_id for one in both}
    ) == 2
    assert len(_supports(loaded, *[(border - 12, border, 0.01)] * 30).sentences()) == MOST


def test_a_citation_has_the_weight_of_the_sentences_it_touches(loaded: LoadedModel) -> None:
    start, end = _rows(loaded, 0)
    text = SOURCES[0].text
    at = text.index("Alan Stevenson")
    citation = Citation("light#0", 0, 14, at, at + 14, "Alan Stevenson")
    [cited] = _supports(loaded, (start, end, 0.75), (0, start, 0.25)).cited([citation])
    assert cited.support == 0.75
    [elsewhere] = _supports(loaded, (0, start, 1.0)).cited([citation])
    assert elsewhere.support == 0
    assert list(_supports(loaded).cited([citation])) == [citation]


def test_the_engine_tells_where_a_selector_chose(tiny_generator: TransformersGenerator) -> None:
    def end(**context: object) -> Completed:
        plan = ContextPlan(**context)  # type: ignore[arg-type]
        request = GenerationRequest("Who built Skerryvore?", SOURCES, max_tokens=24, context=plan)
        last = list(tiny_generator.generate(request, Deadline(60)))[-1]
        assert isinstance(last, Completed)
        return last

    assert end().rests_on == ()
    done = end(selector="sentence", budget=100)
    assert done.rests_on
    assert [one.weight for one in done.rests_on] == sorted(
        (one.weight for one in done.rests_on), reverse=True
    )
    texts = {source.id: source.text for source in SOURCES}
    assert all(texts[one.source_id][one.start : one.end].strip() for one in done.rests_on)
