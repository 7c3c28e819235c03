"""A model's own queries, keys and values on a text."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import torch

from skerry.core.errors import InvalidInput
from skerry.generation.attention.dense import Dense
from skerry.generation.attention.state import AttentionState, using
from skerry.generation.model import LoadedModel


@dataclass(frozen=True, slots=True)
class LayerTensors:
    """Of one layer: queries (heads, n, head size), keys and values (KV heads, n, head size)."""

    layer: int
    queries: torch.Tensor
    keys: torch.Tensor
    values: torch.Tensor
    scale: float


class _Recorder:
    """Dense attention that keeps what some layers attend with; layers come in their order."""

    def __init__(self, layers: frozenset[int]) -> None:
        self._layers = layers
        self._dense = Dense()
        self._next = 0
        self.kept: list[LayerTensors] = []

    def attend(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """See `AttentionPattern`."""
        if self._next in self._layers:
            q, k, v = (x.contiguous().clone() for x in (queries, keys, values))
            self.kept.append(LayerTensors(self._next, q, k, v, scale))
        self._next += 1
        return self._dense.attend(queries, keys, values, scale)


def spread(layers: int, count: int) -> frozenset[int]:
    """`count` of the numbers below `layers`, the first and others at even distances."""
    count = min(count, layers)
    return frozenset(layers * i // count for i in range(count))


def record(loaded: LoadedModel, tokens: list[int], layers: frozenset[int]) -> list[LayerTensors]:
    """Read the tokens once, in one pass, and keep what the layers attend with."""
    recorder = _Recorder(layers)
    with torch.inference_mode(), using(AttentionState(recorder)):
        loaded.weights(input_ids=torch.tensor([tokens]), use_cache=False, logits_to_keep=1)
    return recorder.kept


def tokens_of(loaded: LoadedModel, knowledge: Path, count: int) -> list[int]:
    """The first `count` tokens of KILT pages, one page after the other.

    Raises:
        InvalidInput: the file has fewer, or a line that is no page.
    """
    tokens: list[int] = []
    opened = gzip.open if knowledge.suffix == ".gz" else open
    with opened(knowledge, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                text = "\n".join(json.loads(line)["text"])
            except (ValueError, KeyError, TypeError) as error:
                raise InvalidInput(f"{knowledge}:{number}: no KILT page: {error}.") from error
            tokens += loaded.tokenizer(text + "\n\n", add_special_tokens=False, verbose=False).input_ids
            if len(tokens) >= count:
                return tokens[:count]
    raise InvalidInput(
        f"{knowledge} has {len(tokens):,} tokens; {count:,} are needed.", hint="Give shorter --lengths."
    )
