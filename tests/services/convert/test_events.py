"""The events of a stream: what goes out comes back the same."""

from __future__ import annotations

import math

from skerry.generation.answer import References
from skerry.generation.base import Citation, Completed, Delta, FinishReason, Started
from skerry.protos.v1 import answer_pb2
from skerry.ranking.ranked import Explanation, RankerScore, Reading, StoppedBy
from skerry.ranking.rerank import RankedHit
from skerry.retrieval.base import Hit
from skerry.retrieval.corpus.records import Passage, Span
from skerry.services.convert.events import EventWriter, event_of
from skerry.services.convert.references import ranked_hits_of, reference


def test_events() -> None:
    passage = Passage(0, "p#0", "p", "T", "", "Ünder the sea.", Span(1, 0, 1, 14))
    moved = Explanation(4, 1, 1.0, (RankerScore("a", 1.5, 0.25, -0.125), RankerScore("b", 2.0, 0.5)))
    hit = RankedHit(Hit(passage, 1.0), 2.0, 0.5, moved)
    unranked = RankedHit(Hit(passage, 1.0), 1.0, math.nan)
    citation = Citation("p#0", 0, 5, 0, 5, "Ünder")
    events = [
        References((hit,), 1, Reading("b", "a", 1, StoppedBy.MARGIN)),
        Started(10, 3, 1),
        Delta("Ünder "),
        Delta("it"),
        citation,
        Completed(FinishReason.ABSTAINED, "Ünder it", 10, 3, 2, "why", {"decode": 0.5}),
    ]
    writer = EventWriter(answer_pb2.StreamAnswerResponse)
    messages = [writer.message(event, 1.5, 0.25) for event in events]
    assert messages[4].citation.source_range.end_byte == 6
    back = [event_of(message) for message in messages]
    assert back[:5] == events[:5]
    end = back[5]
    assert isinstance(end, Completed)
    assert (end.reason, end.text, end.abstention) == (FinishReason.ABSTAINED, "Ünder it", "why")
    assert end.timings == {"decode": 0.5, "queue": 0.25, "total": 1.5}
    [again] = ranked_hits_of([reference(unranked)])
    assert math.isnan(again.calibrated)
