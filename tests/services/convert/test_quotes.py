"""Quotes: what goes out comes back the same, and byte ranges are those of the texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.generation.base import Completed, FinishReason
from skerry.protos.v1 import answer_pb2
from skerry.retrieval.quotes import Quote, QuotePlace
from skerry.services.client.results import Answer
from skerry.services.convert.generation import completed, completed_of
from skerry.services.convert.quotes import quotes, quotes_of

from .strategies import small, text

position = st.integers(0, 2**20)

places = st.builds(QuotePlace, text, text, text, position, position, position, st.booleans())


@given(text, st.data())
def test_quotes(answer: str, data: st.DataObject) -> None:
    values = []
    for _ in range(data.draw(st.integers(0, 3))):
        start, end = sorted((data.draw(st.integers(0, len(answer))), data.draw(st.integers(0, len(answer)))))
        where = tuple(data.draw(st.lists(places, max_size=2)))
        values.append(Quote(answer[start:end], start, end, data.draw(st.booleans()), data.draw(small), where))
    message = quotes(values, answer)
    assert quotes_of(message) == tuple(values)
    for value, sent in zip(values, message.quotes, strict=True):
        assert answer.encode()[sent.range.start_byte : sent.range.end_byte].decode() == value.text
        for place, there in zip(value.places, sent.places, strict=True):
            assert there.range.end_byte - there.range.start_byte == len(place.quote.encode())


@pytest.mark.parametrize("found", [None, (), (Quote("Ünder", 0, 5, False, 0),)])
def test_not_checked_differs_from_nothing_to_check(found: tuple[Quote, ...] | None) -> None:
    end = Completed(FinishReason.STOP, "Ünder it", 10, 3, 2, quotes=found)
    message = completed(end, 1.0, 0.0, {})
    assert completed_of(message).quotes == found
    response = answer_pb2.AnswerResponse(reason=message.reason, text=end.text)
    if message.HasField("quotes"):
        response.quotes.CopyFrom(message.quotes)
    assert Answer((), (), completed_of(response)).quotes == found
