"""HyperAttention: keys that hash like the query, exactly, and a sample of the others.

Han et al., "HyperAttention: Long-context Attention in Near-Linear Time" (2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from skerry.generation.attention.base import check_setting
from skerry.kernels.attention import attend_suffix, merge

Part = tuple[torch.Tensor, torch.Tensor]
"""Out (heads, n, head size) and the log-sum-exp of the scores (heads, n)."""


@dataclass(frozen=True, slots=True)
class Hyper:
    """Made for prompts far longer than 16k tokens.

    Queries and keys are sorted by the signs of random projections, in an order in which neighbours differ in
    one sign; a block of queries attends to the block of keys at the same place, and to sampled keys that
    stand for all others. The causal map is halved again and again: the halves' own triangles, and the square
    between them.

    Attributes:
        exact: up to so many keys, attention is exact.
        block: keys of a sorted block.
        samples: keys that stand for the others.
        bits: projections.
        seed: of projections and samples.
    """

    exact: int = 2048
    block: int = 256
    samples: int = 256
    bits: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        check_setting("hyper", "exact", self.exact, 1, 2**20)
        check_setting("hyper", "block", self.block, 1, 2**20)
        check_setting("hyper", "samples", self.samples, 1, 2**20)
        check_setting("hyper", "bits", self.bits, 1, 30)

    def attend(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """See `AttentionPattern`."""
        n, m = queries.shape[1], keys.shape[1]
        part = self._causal(queries, keys[:, m - n :], values[:, m - n :], scale)
        if m > n:
            part = _join(part, self._square(queries, keys[:, : m - n], values[:, : m - n], scale))
        return part[0]

    def _causal(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float) -> Part:
        """n queries at the positions of n keys."""
        n = q.shape[1]
        if n <= self.exact:
            return attend_suffix(q, k, v, torch.arange(1, n + 1, dtype=torch.int32), scale)
        half = n // 2
        first = self._causal(q[:, :half], k[:, :half], v[:, :half], scale)
        second = _join(
            self._causal(q[:, half:], k[:, half:], v[:, half:], scale),
            self._square(q[:, half:], k[:, :half], v[:, :half], scale),
        )
        return torch.cat([first[0], second[0]], 1), torch.cat([first[1], second[1]], 1)

    def _square(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float) -> Part:
        """Queries that all come after all the keys."""
        m = k.shape[1]
        if m <= max(self.exact, self.block):
            return attend_suffix(q, k, v, torch.full((q.shape[1],), m, dtype=torch.int32), scale)
        random = torch.Generator().manual_seed(self.seed)
        planes = torch.randn(q.shape[-1], self.bits, generator=random)
        sampled = torch.randperm(m, generator=random)[: self.samples]
        blocks = -(-m // self.block)
        group = q.shape[0] // k.shape[0]
        k_order = self._hash(k, planes).argsort(dim=-1, stable=True)
        q_order = self._hash(q, planes).argsort(dim=-1, stable=True)
        run = -(-q.shape[1] // blocks)
        near = self._blocks(
            _cut(_reorder(q, q_order), blocks, run),
            _cut(_reorder(k, k_order), blocks, self.block).repeat_interleave(group, 0),
            _cut(_reorder(v, k_order), blocks, self.block).repeat_interleave(group, 0),
            m,
            scale,
        )
        q_block = torch.empty_like(q_order).scatter_(1, q_order, _places(q.shape[1], run).expand_as(q_order))
        k_block = torch.empty_like(k_order).scatter_(1, k_order, _places(m, self.block).expand_as(k_order))
        back = q_order.argsort(-1)
        own = (_reorder(near[0].flatten(1, 2), back), near[1].flatten(1, 2).gather(1, back))
        apart = q_block[:, :, None] != k_block[:, sampled].repeat_interleave(group, 0)[:, None, :]
        return _join(own, self._sample(q, k[:, sampled], v[:, sampled], apart, m, scale))

    def _hash(self, vectors: torch.Tensor, planes: torch.Tensor) -> torch.Tensor:
        """Places in the order of Gray's code, in which neighbours differ in one sign, int64 (heads, n)."""
        code = ((vectors.float() @ planes) > 0).long() @ (2 ** torch.arange(self.bits))
        shift = 1
        while shift < self.bits:
            code = code ^ (code >> shift)
            shift *= 2
        return code

    def _blocks(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, m: int, scale: float) -> Part:
        """Attention within each place of (heads, blocks, run, head size); the last keys may be padding."""
        scores = torch.matmul(q.float() * scale, k.float().transpose(-1, -2))
        real = torch.arange(k.shape[1] * k.shape[2]).view(k.shape[1], 1, k.shape[2]) < m
        return _weigh(scores.masked_fill_(~real, -torch.inf), v)

    def _sample(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, apart: torch.Tensor, m: int, scale: float
    ) -> Part:
        """Attention to sampled keys outside the query's block, each counted for as many as it stands for."""
        group = q.shape[0] // k.shape[0]
        scores = torch.matmul(q.float() * scale, k.float().repeat_interleave(group, 0).transpose(-1, -2))
        stands_for = (m - self.block) / apart.sum(-1, keepdim=True).clamp(min=1)
        scores = (scores + stands_for.log()).masked_fill_(~apart, -torch.inf)
        return _weigh(scores, v.repeat_interleave(group, 0))


def _weigh(scores: torch.Tensor, values: torch.Tensor) -> Part:
    lse = scores.logsumexp(-1)
    return torch.matmul(torch.exp(scores - lse[..., None]).nan_to_num_(0.0), values.float()), lse


def _join(one: Part, other: Part) -> Part:
    out, lse = merge([one[0].float(), other[0].float()], [one[1], other[1]])
    return out.to(one[0].dtype), lse


def _reorder(vectors: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    return vectors.gather(1, order[..., None].expand(-1, -1, vectors.shape[-1]))


def _cut(vectors: torch.Tensor, blocks: int, run: int) -> torch.Tensor:
    """(heads, n, d) to (heads, blocks, run, d), with zeros at the end."""
    padded = functional.pad(vectors, (0, 0, 0, blocks * run - vectors.shape[1]))
    return padded.view(len(vectors), blocks, run, vectors.shape[-1])


def _places(n: int, run: int) -> torch.Tensor:
    return torch.arange(n) // run
