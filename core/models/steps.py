"""The loop of a training run: steps with a learning rate that rises and falls, progress, checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable

from skerry.core.progress import Progress

_WARM_UP = 0.02
_LEAST = 0.01
_SMOOTHING = 0.02


def run_steps(
    step: Callable[[int, float], float],
    keep: Callable[[int], bool | None],
    *,
    done: int,
    total: int,
    keep_every: int,
    progress: Progress,
) -> int:
    """Call `step(number, share of the learning rate)` for the steps [done, total); it returns the loss.

    `keep(steps done)` is called after every `keep_every` steps; where it returns False, training ends.
    Progress shows a running mean of the loss. Returns the number of steps done.
    """
    with progress.task("training", total=total, unit="steps") as task:
        task.advance(done)
        running: float | None = None
        for number in range(done, total):
            loss = step(number, learning_rate_share(number / total))
            running = loss if running is None else running + _SMOOTHING * (loss - running)
            task.note(f"loss {running:.3f}")
            task.advance()
            if (number + 1) % keep_every == 0 and keep(number + 1) is False:
                return number + 1
    return total


def learning_rate_share(done: float) -> float:
    """What share of its peak the learning rate has when the share `done` of the steps is done.

    A linear rise over the first 2%, then a cosine; never less than a hundredth.
    """
    share = done / _WARM_UP if done < _WARM_UP else 0.5 * (1 + math.cos(math.pi * done))
    return max(share, _LEAST)
