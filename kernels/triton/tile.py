"""What the three kernels share: one tile of keys in the online softmax."""

from __future__ import annotations

import triton
import triton.language as tl
from triton.runtime.interpreter import InterpretedFunction

__all__ = ["INTERPRETED", "LOWEST", "absorb", "finish", "take"]

LOWEST = tl.constexpr(-1.0e30)
"""Below every score, and finite: a row that has seen nothing stays at it."""


@triton.jit
def take(at, held, WHOLE: tl.constexpr):
    """Rows of heads: `held` (numbers of a head) is not asked where all lanes are."""
    if WHOLE:
        return tl.load(at)
    else:  # noqa: RET505 - to the compiler these are two programs
        return tl.load(at, mask=held, other=0.0)


@triton.jit
def absorb(q, k, v, seen, top, total, acc, factor, PRECISION: tl.constexpr, UPCAST: tl.constexpr):
    """One tile of keys. `factor` is the scale times log2(e): the softmax is of powers of two.

    q (M, D), k (D, N), v (N, D), seen (M, N); top and total (M,), acc (M, D), float32.
    """
    if UPCAST:
        scores = tl.dot(q.to(tl.float32), k.to(tl.float32), input_precision="ieee")
    else:
        scores = tl.dot(q, k, input_precision=PRECISION)
    scores = tl.where(seen, scores * factor, float("-inf"))
    above = tl.maximum(top, tl.max(scores, 1))
    shares = tl.exp2(scores - above[:, None])
    fall = tl.exp2(top - above)
    total = total * fall + tl.sum(shares, 1)
    if UPCAST:
        more = tl.dot(shares.to(v.dtype).to(tl.float32), v.to(tl.float32), input_precision="ieee")
    else:
        more = tl.dot(shares.to(v.dtype), v, input_precision=PRECISION)
    return above, total, acc * fall[:, None] + more


@triton.jit
def finish(top, total, acc):
    """The output (M, D) and the log-sum-exp (M,), natural; zeros and -inf where nothing was seen."""
    nothing = total == 0
    total = tl.where(nothing, 1.0, total)
    lse = tl.where(nothing, float("-inf"), (top + tl.log2(total)) * 0.6931471805599453)
    return acc / total[:, None], lse


INTERPRETED = isinstance(absorb, InterpretedFunction)
