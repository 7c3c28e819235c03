"""What the corpus says of an answer's words."""

from __future__ import annotations

from collections.abc import Sequence

from skerry.protos.v1 import generation_pb2, types_pb2
from skerry.retrieval.quotes import Quote, QuotePlace
from skerry.services.convert.fields import text_range


def quotes(values: Sequence[Quote], answer: str) -> generation_pb2.Quotes:
    return generation_pb2.Quotes(
        quotes=[
            generation_pb2.Quote(
                text=value.text,
                range=text_range(answer, value.start, value.end),
                supported=value.supported,
                count=value.count,
                places=[_place(place) for place in value.places],
            )
            for value in values
        ]
    )


def quotes_of(message: generation_pb2.Quotes) -> tuple[Quote, ...]:
    return tuple(
        Quote(
            text=item.text,
            start=item.range.start_character,
            end=item.range.end_character,
            supported=item.supported,
            count=item.count,
            places=tuple(_place_of(place) for place in item.places),
        )
        for item in message.quotes
    )


def _place(value: QuotePlace) -> generation_pb2.QuotePlace:
    return generation_pb2.QuotePlace(
        passage_id=value.passage_id,
        title=value.title,
        range=types_pb2.TextRange(
            start_character=value.start,
            end_character=value.end,
            start_byte=value.start_byte,
            end_byte=value.start_byte + len(value.quote.encode()),
        ),
        quote=value.quote,
        in_title=value.in_title,
    )


def _place_of(message: generation_pb2.QuotePlace) -> QuotePlace:
    return QuotePlace(
        passage_id=message.passage_id,
        title=message.title,
        quote=message.quote,
        start=message.range.start_character,
        end=message.range.end_character,
        start_byte=message.range.start_byte,
        in_title=message.in_title,
    )
