"""Both directions of a recurrent network over texts of different lengths."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BothWays(nn.Module):
    """A BiLSTM whose backward half starts at a text's last word, not at padding.

    Each half reads the padded batch as a whole, the backward one with every text turned round within its own
    length. Packed sequences give the same, but learning through them takes several times as long on a
    processor: the gradient of each step is added to an array of all steps.

    Args:
        width, hidden: of the input, and of each direction's output.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.from_start = nn.LSTM(width, hidden, batch_first=True)
        self.from_end = nn.LSTM(width, hidden, batch_first=True)

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """(n, L, width) to (n, L, 2 * hidden), zeros at padding; bool mask (n, L), padding at the end."""
        place = torch.arange(mask.shape[1])
        turned = torch.where(mask, mask.sum(1, keepdim=True) - 1 - place, place).unsqueeze(2)
        forwards = self.from_start(vectors)[0]
        backwards = _at(self.from_end(_at(vectors, turned))[0], turned)
        return torch.cat([forwards, backwards], dim=2) * mask.unsqueeze(2)


def _at(vectors: Tensor, places: Tensor) -> Tensor:
    return vectors.gather(1, places.expand(-1, -1, vectors.shape[2]))
