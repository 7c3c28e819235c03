"""What is measured, and the report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skerry.benchmarks.attention.fewest import Fewest, fewest
from skerry.benchmarks.attention.measure import Spot, measure
from skerry.benchmarks.attention.patterns import labelled
from skerry.benchmarks.attention.prefill import Prefill, prefill
from skerry.benchmarks.attention.tensors import record, spread, tokens_of
from skerry.core.errors import InvalidInput
from skerry.core.models.store import Model
from skerry.core.progress import Progress
from skerry.generation.attention.grid import BLOCK
from skerry.generation.model import LoadedModel


@dataclass(frozen=True, slots=True)
class Spec:
    """Attributes:
    knowledge: KILT pages, whose text is read.
    lengths: of the prompts on which single layers are measured.
    patterns: names.
    defaults: whether each has its default setting only.
    layers: how many, spread over the model.
    rounds: of the layers' times.
    flex: whether flex_attention is timed too.
    prefills: lengths of the prompts that go through the whole model.
    readings: rounds of those.
    """

    knowledge: Path
    lengths: tuple[int, ...]
    patterns: tuple[str, ...]
    defaults: bool
    layers: int
    rounds: int
    flex: bool
    prefills: tuple[int, ...]
    readings: int


@dataclass(frozen=True, slots=True)
class Report:
    """Where it was measured, and what."""

    model: str
    dtype: str
    threads: int
    layers: int
    fewest: tuple[Fewest, ...]
    spots: tuple[Spot, ...]
    prefills: tuple[Prefill, ...]

    def json(self) -> dict[str, Any]:
        """As JSON has it: null for what a pattern does not have."""
        return {
            name: [_without_nan(one) for one in value] if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }


def _without_nan(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value != value else value for name, value in values.items()}


def run(spec: Spec, model: Model, dtype: str, threads: int, progress: Progress) -> Report:
    """Measure.

    Raises:
        InvalidInput: too little text, or a prompt that is longer than the model's context.
        IndexCorrupt: the model's files cannot be read.
    """
    loaded = LoadedModel(model, dtype, threads)
    if spec.prefills and max(spec.prefills) > loaded.context:
        raise InvalidInput(
            f"A prompt of {max(spec.prefills):,} tokens; {model.name} reads {loaded.context:,}.",
            hint="Give shorter --prefill lengths.",
        )
    text = tokens_of(loaded, spec.knowledge, max(*spec.lengths, *spec.prefills, 1))
    patterns = labelled(spec.patterns, spec.defaults)
    layers = spread(loaded.layers, spec.layers)
    spots: list[Spot] = []
    least: list[Fewest] = []
    with progress.task("Layers", len(spec.lengths) * len(layers) * (len(patterns) + 2), "patterns") as task:
        for length in spec.lengths:
            task.note(f"{length:,} tokens")
            tensors = record(loaded, text[:length], layers)
            if length >= BLOCK:
                least.append(fewest(tensors))
            spots += measure(tensors, patterns, spec.rounds, spec.flex, lambda: task.advance(1))
    prefills: list[Prefill] = []
    readings = len(spec.prefills) * (len(patterns) + 2) * (spec.readings + 1)
    with progress.task("Whole prompts", readings, "readings") as task:
        for length in spec.prefills:
            task.note(f"{length:,} tokens")
            prefills += prefill(loaded, text[:length], patterns, spec.readings, lambda: task.advance(1))
    kind = str(loaded.weights.dtype).removeprefix("torch.")
    return Report(model.name, kind, threads, len(layers), tuple(least), tuple(spots), tuple(prefills))
