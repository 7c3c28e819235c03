"""Losses beside values by hand, slow versions, and who gets a gradient."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from skerry.core.errors import InvalidInput, NotFound
from skerry.retrieval.embedding.training.losses import LOSSES
from skerry.retrieval.embedding.training.losses.info_nce import info_nce
from skerry.retrieval.embedding.training.losses.score_kl import score_kl
from skerry.retrieval.embedding.training.losses.structured import StructuredLoss
from skerry.retrieval.embedding.training.losses.two_d_matryoshka import TwoDMatryoshkaLoss
from skerry.retrieval.embedding.training.scores import Scores

LAYERS, WIDTH, ROWS, COLUMNS, SCALE = 3, 8, 5, 4, 7.0
PAIRS = ((1, 2), (2, 4), (3, 8))
TARGETS = torch.tensor([0, 1, 2, 3, 1])


def states(seed: int, count: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(count, WIDTH, generator=generator).requires_grad_() for _ in range(LAYERS)]


def random_scores(seed: int = 0) -> Scores:
    masked = torch.zeros(ROWS, COLUMNS, dtype=torch.bool)
    masked[0, 2] = masked[4, 3] = True
    return Scores(states(seed, ROWS), states(seed + 1, COLUMNS), SCALE, masked)


def slow_log_softmax(scores: Scores, layers: int, dimensions: int) -> list[list[float]]:
    """Row by row; a masked passage has no part in its row's distribution."""
    result = []
    for row in range(ROWS):
        left = scores.left[layers - 1][row, :dimensions].detach().double().numpy()
        logits = []
        for column in range(COLUMNS):
            right = scores.right[layers - 1][column, :dimensions].detach().double().numpy()
            cosine = float(left @ right / math.sqrt(float(left @ left)) / math.sqrt(float(right @ right)))
            logits.append(-math.inf if scores.masked[row, column] else SCALE * cosine)
        total = math.log(sum(math.exp(logit) for logit in logits))
        result.append([logit - total for logit in logits])
    return result


def slow_info_nce(log_probs: Sequence[Sequence[float]]) -> float:
    return -sum(row[target] for row, target in zip(log_probs, TARGETS.tolist(), strict=True)) / ROWS


def slow_kl(student: Sequence[Sequence[float]], teacher: Sequence[Sequence[float]]) -> float:
    return (
        sum(
            math.exp(t) * (t - s)
            for of_student, of_teacher in zip(student, teacher, strict=True)
            for s, t in zip(of_student, of_teacher, strict=True)
            if t > -math.inf
        )
        / ROWS
    )


def test_info_nce_by_hand() -> None:
    scores = torch.tensor([[0.0, math.log(3)], [0.0, 0.0]])
    assert float(info_nce(scores, torch.tensor([1, 0]))) == pytest.approx(
        (-math.log(3 / 4) - math.log(1 / 2)) / 2
    )


def test_score_kl_by_hand_and_without_a_gradient_of_the_teacher() -> None:
    student = torch.tensor([[0.0, math.log(3)]], requires_grad=True)
    teacher = torch.tensor([[0.0, 0.0]], requires_grad=True)
    divergence = score_kl(student, teacher)
    assert float(divergence.detach()) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))
    divergence.backward()
    assert teacher.grad is None
    assert student.grad is not None
    # softmax(student) - softmax(teacher)
    torch.testing.assert_close(student.grad, torch.tensor([[-0.25, 0.25]]))
    assert float(score_kl(teacher, teacher).detach()) == 0


@pytest.mark.parametrize("kl_weight", [0.0, 1.0, 0.3])
def test_structured_is_the_slow_version(kl_weight: float) -> None:
    scores = random_scores()
    slow = [slow_log_softmax(scores, *pair) for pair in PAIRS]
    expected = sum(slow_info_nce(one) + kl_weight * slow_kl(one, slow[-1]) for one in slow) / len(PAIRS)
    loss = StructuredLoss(PAIRS, kl_weight)(scores, TARGETS, random.Random(0))
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-5)


class Chosen(random.Random):
    """Draws what it is told to."""

    def __init__(self, layers: int, width: int) -> None:
        super().__init__()
        self._layers, self._width = layers, width

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        assert (start, stop) == (1, LAYERS)
        return self._layers

    def choice(self, seq: object) -> int:  # type: ignore[override]
        assert seq == [2, 4]
        return self._width


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("width", [2, 4])
def test_2dmse_is_the_slow_version(layers: int, width: int) -> None:
    scores = random_scores(3)
    wide, narrow = slow_log_softmax(scores, LAYERS, WIDTH), slow_log_softmax(scores, LAYERS, width)
    early, least = slow_log_softmax(scores, layers, WIDTH), slow_log_softmax(scores, layers, width)
    expected = sum(slow_info_nce(one) for one in (wide, narrow, early, least))
    expected += 0.5 * (slow_kl(early, wide) + slow_kl(least, narrow))
    loss = TwoDMatryoshkaLoss(PAIRS, 0.5)(scores, TARGETS, Chosen(layers, width))
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-5)


def test_2dmse_draws_every_smaller_depth_and_width_and_never_the_whole() -> None:
    loss, drawn = TwoDMatryoshkaLoss(PAIRS, 0.0), set()
    rng = random.Random(0)
    for _ in range(60):
        scores = random_scores()
        loss(scores, TARGETS, rng).backward()  # type: ignore[no-untyped-call]
        early = [layer for layer, state in enumerate(scores.left[:-1], start=1) if state.grad is not None]
        assert len(early) == 1
        drawn.add(early[0])
    assert drawn == {1, 2}


@pytest.mark.parametrize("pairs", [[(3, 8)], [(1, 8), (3, 8)], [(1, 4), (1, 8)]])
def test_2dmse_needs_something_smaller(pairs: list[tuple[int, int]]) -> None:
    with pytest.raises(InvalidInput, match="at least two layers"):
        TwoDMatryoshkaLoss(pairs, 1.0)


@pytest.mark.parametrize("name", ["structured", "2dmse"])
def test_the_teacher_gets_no_gradient(name: str) -> None:
    """Whatever the weight of the divergence, the whole model's states get InfoNCE's gradient alone."""

    def gradients(kl_weight: float) -> tuple[list[Tensor], list[Tensor]]:
        scores = random_scores()
        # The depth is drawn alike: the last layer's states have a part in every drawing.
        LOSSES.load(name)(PAIRS, kl_weight)(scores, TARGETS, random.Random(1)).backward()  # type: ignore[no-untyped-call]
        grads = [state.grad for state in scores.left]
        return [g for g in grads[:-1] if g is not None], [g for g in grads[-1:] if g is not None]

    (early, whole), (other_early, other_whole) = gradients(0.0), gradients(5.0)
    assert len(whole) == len(other_whole) == 1
    torch.testing.assert_close(whole, other_whole)
    assert any(not torch.allclose(a, b) for a, b in zip(early, other_early, strict=True))


def test_cross_depth_is_half_the_same_depth_half_early_queries_at_late_passages() -> None:
    scores = random_scores(5)
    late = [
        Scores([scores.left[layers - 1]] * LAYERS, [scores.right[-1]] * LAYERS, SCALE, scores.masked)
        for layers, _ in PAIRS[:-1]
    ]
    slow = [slow_log_softmax(one, *pair) for one, pair in zip(late, PAIRS[:-1], strict=True)]
    teacher = slow_log_softmax(scores, *PAIRS[-1])
    crossed = np.mean([slow_info_nce(one) + slow_kl(one, teacher) for one in slow])
    same = float(StructuredLoss(PAIRS, 1.0)(scores, TARGETS, random.Random(0)).detach())
    loss = LOSSES.load("cross_depth")(PAIRS, 1.0)(scores, TARGETS, random.Random(0))
    assert float(loss.detach()) == pytest.approx((same + crossed) / 2, rel=1e-5)


def test_an_unknown_loss() -> None:
    with pytest.raises(NotFound, match="structured"):
        LOSSES.load("structure")


def test_slices_are_scaled_anew() -> None:
    scores = random_scores()
    found = scores(2, 4).detach().numpy()
    assert np.all(np.abs(found[~scores.masked.numpy()]) <= SCALE * (1 + 1e-6))
    assert np.all(found[scores.masked.numpy()] < -1000)
    left, right = scores.left[1][1, :4].detach(), scores.right[1][2, :4].detach()
    assert found[1, 2] == pytest.approx(SCALE * float(left @ right / left.norm() / right.norm()), rel=1e-5)
