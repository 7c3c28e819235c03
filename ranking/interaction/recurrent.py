"""Both directions of a recurrent network over texts of different lengths."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class BothWays(nn.Module):
    """A BiLSTM whose backward half starts at a text's last word, not at padding.

    Args:
        width, hidden: of the input, and of each direction's output.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, hidden, batch_first=True, bidirectional=True)

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """(n, L, width) to (n, L, 2 * hidden), zeros at padding; bool mask (n, L), padding at the end."""
        lengths = mask.sum(1).clamp(min=1).cpu()
        packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=mask.shape[1])
        return states * mask.unsqueeze(2)
