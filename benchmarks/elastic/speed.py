"""How fast an encoder is by its layers, beside the whole of it: pairwise, interleaved, medians."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from skerry.core.progress import Progress
from skerry.retrieval.embedding.encoder import SentenceEncoder


@dataclass(frozen=True, slots=True)
class LayerSpeed:
    """Medians of the rounds.

    Attributes:
        passages_a_second: encoded together.
        faster: times the whole encoder's speed, of neighbouring measurements.
        question_ms: milliseconds for one question alone.
        question_faster: times the whole encoder's speed with these.
    """

    layers: int
    passages_a_second: float
    faster: float
    question_ms: float
    question_faster: float


def layer_speeds(
    encoder: SentenceEncoder,
    passages: Sequence[str],
    questions: Sequence[str],
    layers: Sequence[int],
    rounds: int,
    progress: Progress,
) -> list[LayerSpeed]:
    """Encode the same texts at each depth and, right before or after it in turns, at the whole one.

    Args:
        passages: encoded in one call.
        questions: encoded one by one.
        rounds: at least 1.
    """

    def together(depth: int) -> float:
        start = time.perf_counter()
        encoder.encode(passages, layers=depth)
        return time.perf_counter() - start

    def alone(depth: int) -> float:
        start = time.perf_counter()
        for question in questions:
            encoder.encode([question], layers=depth)
        return (time.perf_counter() - start) / len(questions)

    times: dict[int, list[tuple[float, float]]] = {depth: [] for depth in layers}
    single: dict[int, list[tuple[float, float]]] = {depth: [] for depth in layers}
    together(encoder.layers)
    with progress.task("speed", rounds * len(layers), "measurements") as task:
        for number in range(rounds):
            for depth in layers:
                for measure, results in ((together, times), (alone, single)):
                    order = (depth, encoder.layers) if number % 2 else (encoder.layers, depth)
                    taken = [measure(one) for one in order]
                    results[depth].append((taken[0], taken[1]) if number % 2 else (taken[1], taken[0]))
                task.advance()
    return [
        LayerSpeed(
            depth,
            len(passages) / median(own for own, _ in times[depth]),
            median(whole / own for own, whole in times[depth]),
            1000 * median(own for own, _ in single[depth]),
            median(whole / own for own, whole in single[depth]),
        )
        for depth in layers
    ]
