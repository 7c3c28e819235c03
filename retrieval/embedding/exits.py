"""What makes a vector of token states where the network may stop early: trained pooling, and a map a depth.

Early layers hold words rather than meanings, and a plain mean of them is mostly stop words. So a depth's
tokens are weighted by an importance that is read off their states; beside them go the same text's embeddings
before the first layer, weighted likewise; and both are mapped to the space of the whole network, its
strongest dimensions first. All depths thus share one space: a query of an early exit may search passages of
another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from skerry.core.errors import InvalidInput
from skerry.retrieval.embedding.adapter import EXITS

_NEVER = -1e4


class Exits(nn.Module):
    """Pooling and maps of every depth, layers 1 to L of a network of width D.

    At the start importances are even and maps give a plain mean of the states. All is float32.

    Attributes:
        lexical: log-importance of a token by its embedding, (D,), where the embeddings are pooled.
        by_word: the same, (L, D), where the states after a layer are pooled; added to `by_state`.
        by_state: log-importance of a token by its state, (L, D).
        state_map, word_map: of the pooled states and embeddings, each at unit length, (L, D, D).
        bias: (L, D).
    """

    def __init__(self, layers: int, width: int) -> None:
        super().__init__()
        self.lexical = nn.Parameter(torch.zeros(width))
        self.by_word = nn.Parameter(torch.zeros(layers, width))
        self.by_state = nn.Parameter(torch.zeros(layers, width))
        self.state_map = nn.Parameter(torch.eye(width).repeat(layers, 1, 1))
        self.word_map = nn.Parameter(torch.zeros(layers, width, width))
        self.bias = nn.Parameter(torch.zeros(layers, width))

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], layers: int, width: int) -> Exits | None:
        """Those among an adapter's tensors, or None where it has none.

        Raises:
            InvalidInput: exits of a network of other sizes.
        """
        own = {name.removeprefix(EXITS): value for name, value in tensors.items() if name.startswith(EXITS)}
        if not own:
            return None
        exits = cls(layers, width)
        wanted = exits.state_dict()
        if {name: value.shape for name, value in own.items()} != {
            name: value.shape for name, value in wanted.items()
        }:
            raise InvalidInput(
                f"The adapter's exits do not fit a model of {layers} layers of width {width}.",
                hint="Use the base model that the adapter was trained on.",
            )
        exits.load_state_dict(own)
        return exits.requires_grad_(False)

    def tensors(self) -> dict[str, Tensor]:
        """As `of` takes them."""
        return {EXITS + name: value.detach() for name, value in self.state_dict().items()}

    def pooled(
        self, words: Tensor, states: Sequence[Tensor], layers: Sequence[int], mask: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """Weighted means at unit length, each (batch, D): of the embeddings, and of the states of each depth.

        Args:
            words: what the embedding layer gives, (batch, length, D).
            states: those after each of `layers`, of the same shape.
            layers: from 1.
            mask: 1 for the tokens that are pooled, (batch, length); or (batch, parts, length), which gives
                means of several parts of each text, (batch, parts, D).
        """
        words = words.float()
        padding = (1.0 - mask.float()) * _NEVER
        pooled = []
        for layer, state in zip(layers, states, strict=True):
            state = state.float()
            importance = words @ self.by_word[layer - 1] + state @ self.by_state[layer - 1]
            pooled.append(_weighted(state, importance, padding))
        return _weighted(words, words @ self.lexical, padding), pooled

    def forward(
        self, words: Tensor, states: Sequence[Tensor], layers: Sequence[int], mask: Tensor
    ) -> list[Tensor]:
        """The vectors of each depth, of any length. Arguments and shapes as for `pooled`."""
        lexical, pooled = self.pooled(words, states, layers, mask)
        return [
            one @ self.state_map[layer - 1].T + lexical @ self.word_map[layer - 1].T + self.bias[layer - 1]
            for layer, one in zip(layers, pooled, strict=True)
        ]


def _weighted(states: Tensor, importance: Tensor, padding: Tensor) -> Tensor:
    if padding.ndim > importance.ndim:
        importance = importance[:, None]
    shares = (importance + padding).softmax(-1)
    return normalize(torch.einsum("b...t,btd->b...d", shares, states), dim=-1)
