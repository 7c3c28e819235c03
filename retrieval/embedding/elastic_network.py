"""A transformers encoder that runs only as deep as it is asked to, and hands out the states on the way.

Where every layer ends in its normalisation (post-norm: BERT and its kin), the states after any layer are fit
to be pooled as they are. Pre-norm encoders lack their final norm there: they run whole or not at all.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from skerry.core.errors import InvalidInput

POST_NORM = ("bert", "camembert", "electra", "mpnet", "roberta", "xlm-roberta")
"""Kinds of models whose states after any layer are fit to be pooled."""


class ElasticNetwork:
    """States after chosen layers of an encoder. Safe to call from several threads.

    Args:
        network: as `AutoModel` loads it, in evaluation mode; it is kept, with a hook on each layer.
        name: of the model, for errors.
        early: where depths before the last run on other weights (`without_last`); the last one is then that
            of `network`, and runs for itself.

    Attributes:
        width: numbers of a state.
        layers: transformer layers; the states after layer n are transformers' `hidden_states[n]`.
    """

    def __init__(self, network: Any, name: str, early: Any = None) -> None:
        self._name = name
        self._apart = early is not None
        self.width: int = network.config.hidden_size
        self.layers: int = network.config.num_hidden_layers
        self._depths: dict[int, Any] = {self.layers: network}
        self._called = threading.local()
        if network.config.model_type in POST_NORM:
            below = network if early is None else early
            for number in range(1, len(below.encoder.layer) + 1):
                self._depths[number] = first_layers(below, number)
            self._hook(network, below)

    def check_layers(self, layers: int, what: str = "layers") -> int:
        """`layers` itself. Raises `InvalidInput`, which calls it `what`, for a depth that cannot be had."""
        if isinstance(layers, bool) or not isinstance(layers, int) or not 1 <= layers <= self.layers:
            raise InvalidInput(
                f"{what} must be a whole number from 1 to {self.layers} for {self._name}; got {layers!r}.",
                details={"parameter": what},
            )
        if layers not in self._depths:
            raise InvalidInput(
                f"{what} must be {self.layers} for {self._name}, which cannot stop at layer {layers}: "
                "it is not a post-norm encoder.",
                hint=f"Encoders that can are {', '.join(POST_NORM)}.",
                details={"parameter": what},
            )
        return layers

    def states(self, ids: Tensor, mask: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """The states after each of `layers`, each of shape (batch, length, width).

        Layers are checked, and one is above 0; 0 is the embedding layer. Runs once, as deep as the deepest,
        and once more where earlier depths have weights of their own.

        Args:
            ids, mask: int64 of shape (batch, length).
        """
        kept: dict[int, Tensor] = {}
        for way in self._ways(layers):
            deepest = max(way)
            self._called.wanted, self._called.kept = way - {deepest}, kept
            with torch.inference_mode():
                kept[deepest] = self._depths[deepest](input_ids=ids, attention_mask=mask).last_hidden_state
        return [kept[layer] for layer in layers]

    def _ways(self, layers: Sequence[int]) -> list[frozenset[int]]:
        """Those that one run gives together."""
        whole = frozenset({self.layers})
        before = frozenset(layers) - whole
        if self._apart and self.layers in layers and max(before, default=0) > 0:
            return [before, whole]
        return [frozenset(layers)]

    def _hook(self, network: Any, below: Any) -> None:
        network.embeddings.register_forward_hook(self._keeper(0))
        for number, layer in enumerate(below.encoder.layer, start=1):
            layer.register_forward_hook(self._keeper(number))

    def _keeper(self, number: int) -> Any:
        def keep(module: nn.Module, inputs: Any, output: Any) -> None:
            if number in self._called.wanted:
                self._called.kept[number] = output if isinstance(output, Tensor) else output[0]

        return keep


def without_last(network: Any, layers: Sequence[int] = ()) -> Any:
    """A copy of one layer fewer, with weights of their own, on the same embeddings.

    Args:
        layers: which of the network's, from 1, they are copies of; by default the first ones.

    Raises:
        InvalidInput: not one layer fewer, or layers that the network does not have.
    """
    every = list(network.encoder.layer)
    chosen = layers or range(1, len(every))
    if len(chosen) != len(every) - 1 or not all(1 <= layer <= len(every) for layer in chosen):
        raise InvalidInput(
            f"The early layers {list(chosen)} are not {len(every) - 1} of the layers 1 to {len(every)}.",
            hint="Use the base model that the adapter was trained on.",
        )
    early = first_layers(network, len(every) - 1)
    early.encoder._modules["layer"] = nn.ModuleList(copy.deepcopy(every[layer - 1]) for layer in chosen)
    return early


def first_layers(network: Any, number: int) -> Any:
    """The same network, sharing all weights, that ends after layer `number`, and without a pooler."""
    whole, encoder = copy.copy(network), copy.copy(network.encoder)
    # A module's shallow copy shares the dictionary of its parts with the original.
    encoder._modules = {**encoder._modules, "layer": nn.ModuleList(list(encoder.layer)[:number])}
    whole._modules = {**whole._modules, "encoder": encoder, "pooler": None}
    return whole
