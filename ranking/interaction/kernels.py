"""A bank of Gaussian kernels over similarities (Xiong et al. 2017): a soft count of words a range."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from skerry.kernels.kernel_bank import kernel_sums

FLOOR = 1e-10
SCALE = 0.01


def kernel_centres(count: int) -> list[float]:
    """1, which is the exact match, then the middles of `count` - 1 equal parts of [-1, 1], from the top."""
    step = 2 / max(1, count - 1)
    return [1.0, *(1 - step / 2 - step * number for number in range(count - 1))]


class KernelBank(nn.Module):
    """K kernels exp(-(s - mu)^2 / (2 sigma^2)), summed over a document's words.

    Args:
        centres: mu of each.
        widths: sigma of each.
    """

    def __init__(self, centres: Sequence[float], widths: Sequence[float]) -> None:
        super().__init__()
        self._centres, self._widths = tuple(centres), tuple(widths)

    def forward(self, similarity: Tensor, mask: Tensor) -> Tensor:
        """Soft counts (n, Q, K) of similarities (n, Q, D), without those outside the bool mask (n, Q, D).

        Padding has the similarity 0, at which the kernels around 0 answer: without the mask it is counted.
        """
        return kernel_sums(similarity, mask, self._centres, self._widths)


def knrm_bank(count: int = 11, sigma: float = 0.1, exact_sigma: float = 0.001) -> KernelBank:
    """KNRM's: mu = 1 with the width `exact_sigma`, then .9, .7, ..., -.9 for 11, with `sigma`."""
    return KernelBank(kernel_centres(count), [exact_sigma, *[sigma] * (count - 1)])


def log_pool(soft_counts: Tensor, query_mask: Tensor, weights: Tensor | None = None) -> Tensor:
    """Sum over the query's words of log(max(count, 1e-10)) * 0.01: (n, Q, K) to (n, K).

    Args:
        query_mask: bool (n, Q); padding would add the log of the floor.
        weights: (n, Q), of the words; all 1 where None.
    """
    logs = soft_counts.clamp(min=FLOOR).log() * SCALE
    counted = query_mask if weights is None else weights * query_mask
    return (logs * counted.unsqueeze(2)).sum(1)
