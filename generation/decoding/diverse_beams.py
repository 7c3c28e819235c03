"""Diverse beam search: groups of hypotheses that avoid each other's tokens.

Vijayakumar et al. 2016, "Diverse Beam Search: Decoding Diverse Solutions from Neural Sequence Models"
(arXiv:1610.02424), with their Hamming diversity. With one group it is beam search as transformers does it: a
hypothesis is worth its log-probability, divided by a power of its length, and a group ends when its best
unfinished hypothesis is worth no more than the worst of its finished ones, once there are as many as beams.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from skerry.core.deadline import Deadline
from skerry.generation.beams import BeamPlan

if TYPE_CHECKING:
    import torch

    from skerry.generation.decoding.text import AnswerText


class Tree(Protocol):
    """Where the hypotheses' tokens are read."""

    def step(self, parents: Sequence[int], tokens: Sequence[int]) -> torch.Tensor:
        """See `skerry.generation.branching.Branches.step`."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """An answer, or the begin of one.

    Attributes:
        tokens: of the answer; the token that ended it is not among them.
        total: log-probability of its tokens, that one with them.
        length: how many these are.
        answer: what its text is made of; not to be written to.
        ended: whether the model or a stop string ended it.
    """

    tokens: tuple[int, ...]
    total: float
    length: int
    answer: AnswerText
    ended: bool = False

    def score(self, length_penalty: float) -> float:
        """See `BeamPlan.length_penalty`."""
        return self.total / math.pow(self.length, length_penalty)

    def text(self) -> str:
        """The answer, whole."""
        answer = self.answer.fork()
        answer.finish()
        return answer.text


@dataclass(slots=True)
class _Group:
    """`places` says for each running hypothesis which row of the logits is its own."""

    running: list[Hypothesis]
    places: list[int]
    finished: list[Hypothesis]


def search(
    logits: torch.Tensor,
    tree: Tree,
    plan: BeamPlan,
    max_tokens: int,
    ends: Collection[int],
    answer: AnswerText,
    deadline: Deadline,
) -> list[Hypothesis]:
    """Finished hypotheses of all groups, best first; at most `plan.beams`.

    The groups choose one after the other. A token costs a group `plan.penalty` for every hypothesis of an
    earlier group that goes on with it at the same place. The penalty steers the choice only: hypotheses keep
    their log-probability.

    Args:
        logits: (vocabulary,), behind the prompt.
        tree: at the prompt's end.
        max_tokens: most tokens of an answer.
        ends: tokens that end one; they are never penalised.
        answer: the text of no tokens.

    Raises:
        DeadlineExceeded, Cancelled: between tokens.
    """
    groups = [_Group([Hypothesis((), 0.0, 0, answer)], [0], []) for _ in range(plan.groups)]
    rows = logits[None]
    for length in range(1, max_tokens + 1):
        deadline.check("answering")
        taken: list[int] = []
        parents: list[int] = []
        for group in groups:
            if not group.running:
                continue
            running, origins = _advance(group, rows, taken, plan, ends, last=length == max_tokens)
            group.running = running
            group.places = list(range(len(parents), len(parents) + len(running)))
            parents += origins
            taken += [hypothesis.tokens[-1] for hypothesis in running]
        if not parents:
            break
        rows = tree.step(parents, taken)
    found = [hypothesis for group in groups for hypothesis in group.finished]
    return sorted(found, key=lambda hypothesis: -hypothesis.score(plan.length_penalty))


def _advance(
    group: _Group,
    rows: torch.Tensor,
    taken: Sequence[int],
    plan: BeamPlan,
    ends: Collection[int],
    *,
    last: bool,
) -> tuple[list[Hypothesis], list[int]]:
    """One token more: what is finished joins the finished ones; what goes on, and the rows that it was of.

    Args:
        taken: the tokens of earlier groups.
        last: whether everything is finished with this token.
    """
    import torch

    width = plan.beams // plan.groups
    scores = torch.log_softmax(rows[group.places].float(), dim=-1)
    totals = torch.tensor([one.total for one in group.running], device=rows.device)
    scores = scores + totals[:, None]
    choices = scores
    if taken and plan.penalty:
        costs = torch.zeros_like(scores[0])
        costs.index_add_(
            0, torch.tensor(taken, device=rows.device), costs.new_full((len(taken),), plan.penalty)
        )
        choices = scores - costs
    running: list[Hypothesis] = []
    origins: list[int] = []
    for rank, (parent, token) in enumerate(_ranked(choices, 4 * width)):
        if rank >= width and (last or len(running) == width):
            break
        longer = _longer(group.running[parent], token, float(scores[parent, token]), ends)
        if not (longer.ended or last):
            if len(running) < width:
                running.append(longer)
                origins.append(group.places[parent])
        elif rank < width:
            group.finished.append(longer)

    def score(hypothesis: Hypothesis) -> float:
        return hypothesis.score(plan.length_penalty)

    group.finished = sorted(group.finished, key=score, reverse=True)[:width]
    if len(group.finished) == width and running and max(map(score, running)) <= score(group.finished[-1]):
        return [], []
    return running, origins


def _longer(parent: Hypothesis, token: int, total: float, ends: Collection[int]) -> Hypothesis:
    if token in ends:
        return Hypothesis(parent.tokens, total, parent.length + 1, parent.answer, ended=True)
    answer = parent.answer.fork()
    answer.push(token)
    return Hypothesis((*parent.tokens, token), total, parent.length + 1, answer, answer.stopped)


def _ranked(numbers: torch.Tensor, count: int) -> Iterator[tuple[int, int]]:
    """Row and column of each number, largest first, of equal ones the first; `count` is a guess at how many
    will be looked at.
    """
    flat, width, given = numbers.flatten(), numbers.shape[1], 0
    while given < len(flat):
        count = min(count, len(flat))
        least = flat.topk(count).values[-1]
        candidates = (flat >= least).nonzero().flatten()
        order = flat[candidates].sort(descending=True, stable=True).indices[given:count]
        for index in candidates[order].tolist():
            yield divmod(index, width)
        given, count = count, 8 * count
