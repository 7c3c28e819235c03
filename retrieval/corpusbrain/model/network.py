"""The small title model: a pre-trained sentence encoder and a small decoder that reads its token states.

Word vectors are the encoder's own, shared by the decoder's input and output and frozen: a title's words mean
to the decoder what they mean to the encoder, and titles that come later need no new parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

KeysValues: TypeAlias = tuple[Tensor, Tensor]
"""Keys and values, each (rows, heads, tokens, head width)."""

_FEED_FORWARD = 4


@dataclass(frozen=True, slots=True)
class DecoderShape:
    """Layers, attention heads and longest sequence of the decoder; its width is the encoder's."""

    layers: int = 2
    heads: int = 6
    positions: int = 176

    @classmethod
    def of_width(cls, width: int) -> DecoderShape:
        """The usual one: as many heads as divide `width`, of 64 numbers at least where there are as many."""
        return cls(heads=max(heads for heads in range(1, max(1, width // 64) + 1) if width % heads == 0))


class TitleNetwork(nn.Module):
    """An encoder, and a decoder with cross-attention.

    Args:
        encoder: a transformers encoder (BERT and its kin) with word embeddings.
        shape: of the decoder.
        dropout: share of the decoder's activations dropped in training.
    """

    def __init__(self, encoder: Any, shape: DecoderShape, dropout: float = 0.0) -> None:
        super().__init__()
        self.encoder = encoder
        self.width: int = encoder.config.hidden_size
        self.shape = shape
        words = encoder.get_input_embeddings().weight.detach().float()
        self.embedding: Tensor
        self.register_buffer("embedding", functional.normalize(words, dim=1), persistent=False)
        self.positions = nn.Parameter(torch.randn(shape.positions, self.width) * 0.02)
        self.layers = nn.ModuleList(_Layer(self.width, shape.heads, dropout) for _ in range(shape.layers))
        self.last = nn.LayerNorm(self.width)
        self.output = nn.Linear(self.width, self.width, bias=False)
        self.scale = nn.Parameter(torch.tensor(1.0))

    def read(self, ids: Tensor, mask: Tensor) -> Tensor:
        """What the decoder may look at: the queries' token states and, first, their mean.

        Args:
            ids: int64 (b, L).
            mask: bool (b, L).

        Returns:
            float32 (b, 1 + L, width).
        """
        states = self.encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state.float()
        weights = mask.unsqueeze(-1).float()
        mean = (states * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True).clamp(min=1.0)
        return torch.cat([mean, states], 1)

    def memory(self, states: Tensor) -> list[KeysValues]:
        """Each decoder layer's keys and values of what `read` returned."""
        return [layer.cross.keys_values(states) for layer in self._layers()]

    def decode(
        self,
        tokens: Tensor,
        memory: Sequence[KeysValues],
        mask: Tensor,
        past: Sequence[KeysValues] | None = None,
    ) -> tuple[Tensor, list[KeysValues]]:
        """The decoder's states after each of `tokens`.

        Args:
            tokens: int64 (rows, t), those that follow what `past` holds.
            memory: as `memory` gives it, of one row each.
            mask: bool (rows, 1 + L), the mean's place included.
            past: keys and values of the tokens before, as the last call returned them.

        Returns:
            float32 (rows, t, width), and the keys and values of all tokens so far.
        """
        start = 0 if past is None else past[0][0].shape[2]
        hidden = self.embedding[tokens] + self.positions[start : start + tokens.shape[1]]
        kept: list[KeysValues] = []
        for number, layer in enumerate(self._layers()):
            hidden, now = layer(hidden, memory[number], mask, None if past is None else past[number])
            kept.append(now)
        return self.output(self.last(hidden)), kept

    def _layers(self) -> list[_Layer]:
        return [layer for layer in self.layers if isinstance(layer, _Layer)]

    def scores(self, states: Tensor, tokens: Tensor) -> Tensor:
        """Logits of the candidates `tokens` int64 (n, k), after `states` (n, width): float32 (n, k)."""
        return self.scale.exp() * torch.einsum("nw,nkw->nk", states, self.embedding[tokens])

    def scores_of_all(self, states: Tensor, tokens: Tensor) -> Tensor:
        """Logits of the same candidates `tokens` int64 (k,) for every row of `states`: float32 (n, k)."""
        return self.scale.exp() * (states @ self.embedding[tokens].T)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def keys_values(self, states: Tensor) -> KeysValues:
        return self._split(self.key(states)), self._split(self.value(states))

    def forward(self, hidden: Tensor, keys_values: KeysValues, mask: Tensor | None) -> Tensor:
        attended = functional.scaled_dot_product_attention(
            self._split(self.query(hidden)), *keys_values, attn_mask=mask
        )
        out: Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return out

    def _split(self, states: Tensor) -> Tensor:
        return states.view(*states.shape[:2], self.heads, -1).transpose(1, 2)


class _Layer(nn.Module):
    """Self-attention, cross-attention and feed-forward, each on the normalised residual stream."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.own, self.cross = _Attention(width, heads), _Attention(width, heads)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.feed_forward = nn.Sequential(
            nn.Linear(width, _FEED_FORWARD * width), nn.GELU(), nn.Linear(_FEED_FORWARD * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, hidden: Tensor, memory: KeysValues, mask: Tensor, past: KeysValues | None
    ) -> tuple[Tensor, KeysValues]:
        normed = self.norms[0](hidden)
        keys, values = self.own.keys_values(normed)
        if past is not None:
            keys, values = torch.cat([past[0], keys], 2), torch.cat([past[1], values], 2)
        new, seen = normed.shape[1], keys.shape[2]
        causal = None if new == 1 else torch.ones(new, seen, dtype=torch.bool).tril(seen - new)
        hidden = hidden + self.dropout(self.own(normed, (keys, values), causal))
        hidden = hidden + self.dropout(self.cross(self.norms[1](hidden), memory, mask[:, None, None, :]))
        return hidden + self.dropout(self.feed_forward(self.norms[2](hidden))), (keys, values)
