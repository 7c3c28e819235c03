"""What many messages have in common: durations, timings, and ranges of text."""

from __future__ import annotations

import math
from collections.abc import Mapping

from google.protobuf.duration_pb2 import Duration

from skerry.protos.v1 import types_pb2

_QUEUE = "queue"


def duration(seconds: float) -> Duration:
    """Seconds, to the nanosecond; NaN and what is below 0 count as 0."""
    whole, part = divmod(max(0, round((0.0 if math.isnan(seconds) else seconds) * 1e9)), 10**9)
    return Duration(seconds=whole, nanos=part)


def seconds_of(value: Duration) -> float:
    """A duration in seconds."""
    return float(value.seconds + value.nanos / 1e9)


def timings(stages: Mapping[str, float], total: float, queue: float = 0.0) -> types_pb2.Timings:
    """Seconds by stage, and in all."""
    return types_pb2.Timings(
        total=duration(total),
        queue=duration(queue),
        stages=[
            types_pb2.StageTiming(stage=stage, duration=duration(seconds))
            for stage, seconds in stages.items()
            if stage not in ("total", _QUEUE)
        ],
    )


def stages_of(message: types_pb2.Timings) -> dict[str, float]:
    """Seconds by stage; "queue" and "total" are the server's own."""
    stages = {stage.stage: seconds_of(stage.duration) for stage in message.stages}
    return {**stages, _QUEUE: seconds_of(message.queue), "total": seconds_of(message.total)}


def text_range(text: str, start: int, end: int) -> types_pb2.TextRange:
    """Characters [start, end) of `text`, with the same run in UTF-8 bytes."""
    first = len(text[:start].encode())
    return types_pb2.TextRange(
        start_character=start,
        end_character=end,
        start_byte=first,
        end_byte=first + len(text[start:end].encode()),
    )
