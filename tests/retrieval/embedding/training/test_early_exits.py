"""Early exits learn to find what the whole model finds, and a step is what its number says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from skerry.core.models.store import Model
from skerry.core.progress import SilentProgress
from skerry.retrieval.embedding.training.early_exits import EarlyExits
from skerry.retrieval.embedding.training.losses.score_kl import score_kl
from skerry.retrieval.embedding.training.network import TrainableEncoder
from skerry.retrieval.embedding.training.settings import Settings
from skerry.retrieval.embedding.training.texts import cut_text

from ..conftest import LAYERS, WIDTH  # noqa: TID252 -- the room's words
from .conftest import words_of

SETTINGS = Settings(short=12, long=4, bank=16, steps=7, checkpoint_every=5, label_share=0.25)
PAIRS = ((1, 16), (2, 16), (3, WIDTH), (LAYERS, WIDTH))
TEXTS = [cut_text("the reef", " ".join(words_of(n))) for n in range(40)]
EVIDENCE: list[int | None] = [*range(29), None]


@pytest.fixture
def encoder(small: Callable[[str], Model]) -> TrainableEncoder:
    encoder = TrainableEncoder(small("bert"), (8,), 0, keep_whole=True)
    tokens = encoder.tokens([text.text for text in TEXTS], 32)
    encoder.start(tokens, tokens)
    return encoder


def objective(encoder: TrainableEncoder, settings: Settings = SETTINGS) -> EarlyExits:
    questions = encoder.tokens([" ".join(words_of(n)[:3]) for n in range(30)], 16)
    return EarlyExits(encoder, settings, PAIRS, questions, EVIDENCE, TEXTS, TEXTS[:5], SilentProgress())


def test_they_learn(encoder: TrainableEncoder) -> None:
    loss = objective(encoder)

    def mean() -> float:
        with torch.no_grad():
            return sum(float(loss(number)) for number in range(1001, 1008, 2)) / 4

    before = mean()
    optimizer = torch.optim.Adam(encoder.factors, lr=3e-3)
    for number in range(60):
        optimizer.zero_grad()
        loss(number).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert mean() < 0.75 * before


def test_a_step_is_what_its_number_says(encoder: TrainableEncoder) -> None:
    loss, again = objective(encoder), objective(encoder)
    assert loss.steps == 7
    assert objective(encoder, replace(SETTINGS, steps=None, early_steps=3)).steps == 3
    with torch.no_grad():
        assert float(loss(4)) == float(again(4))
        assert float(loss(4)) != float(loss(5))
        assert float(objective(encoder, replace(SETTINGS, seed=1))(4)) != float(loss(4))


def test_the_bank_is_the_whole_models_and_evidence_has_its_share(encoder: TrainableEncoder) -> None:
    loss = objective(encoder, replace(SETTINGS, bank=len(TEXTS)))
    tokens, cut = encoder.cut_tokens(TEXTS, 64)
    every = torch.nn.functional.normalize(encoder.whole(tokens, cut), dim=1)
    assert loss._whole.shape == every.shape
    questions = [3, 29]
    told = torch.nn.functional.normalize(torch.randn(2, WIDTH), dim=1)
    wanted = loss._wanted(told, questions).exp()
    assert wanted.sum(1).tolist() == pytest.approx([1, 1])
    starts = np.concatenate([[0], np.cumsum(1 + cut.counts)])
    # Passages' texts are in the bank in a drawn order: compare the scores themselves.
    best = torch.stack(
        [
            (told @ every[starts[one] : starts[one + 1]].T).amax(1) * SETTINGS.bank_scale
            for one in range(len(TEXTS))
        ],
        1,
    ).softmax(1)
    assert wanted[1].sort().values.numpy() == pytest.approx(best[1].sort().values.numpy(), abs=1e-3)
    column = loss._evidence[3]
    assert column is not None and loss._evidence[29] is None
    share = SETTINGS.label_share
    assert float(wanted[0, column]) == pytest.approx(share + (1 - share) * float(best[0, 3]), abs=1e-3)


def test_the_favoured_depths_bank_is_renewed_with_every_checkpoint(encoder: TrainableEncoder) -> None:
    loss = objective(encoder)
    with torch.no_grad():
        loss(0)
        first = loss._renewed
        for factor in encoder.factors:
            factor.add_(0.1)
        loss(1)
        assert loss._renewed is first
        loss(SETTINGS.checkpoint_every)
    assert first is not None and loss._renewed is not None
    assert not torch.allclose(loss._renewed, first, atol=1e-3)


def test_the_terms_written_out(encoder: TrainableEncoder) -> None:
    loss = objective(encoder)
    with torch.no_grad():
        loss(0)
    draw = torch.Generator().manual_seed(0)
    asked = [torch.randn(5, WIDTH, generator=draw) for _ in range(LAYERS - 1)]
    told = torch.nn.functional.normalize(torch.randn(5, WIDTH, generator=draw), dim=1)
    wanted = loss._wanted(told, [0, 1, 29])
    ends = np.cumsum(1 + loss._cut.counts)
    assert loss._renewed is not None

    def cosines(left: torch.Tensor, right: torch.Tensor, width: int) -> torch.Tensor:
        return torch.cosine_similarity(left[:, None, :width], right[None, :, :width], dim=2)

    def best(left: torch.Tensor, bank: torch.Tensor, width: int) -> torch.Tensor:
        own = torch.empty_like(bank)
        own[torch.from_numpy(loss._bank.rows)] = bank
        scores = torch.empty(len(left), len(ends))
        for passage, (count, end) in enumerate(zip(1 + loss._cut.counts, ends, strict=True)):
            every = cosines(left, own[end - count : end], width).amax(1)
            scores[:, loss._bank.columns[passage]] = every * SETTINGS.bank_scale
        return scores

    def apart(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return 4 * (1 - torch.cosine_similarity(left, right, dim=1)).mean()

    for layers, width in PAIRS[:3]:
        found = asked[layers - 1]
        banks = [loss._whole, loss._renewed] if layers == LAYERS // 2 else [loss._whole]
        terms = [score_kl(best(found, bank, width), wanted) for bank in banks]
        given_one = loss._of_questions(found, told, wanted, layers)
        torch.testing.assert_close(given_one, apart(found, told) + sum(terms), atol=1e-4, rtol=1e-4)
    tokens, cut = encoder.cut_tokens(TEXTS[:3], SETTINGS.passage_tokens)
    with torch.no_grad():
        whole, vectors = encoder.whole(tokens, cut), encoder.cut_vectors(tokens, cut, LAYERS - 1)
        given = loss._of_passages(TEXTS[:3], asked, told, LAYERS - 1)
    teacher = cosines(whole, told, WIDTH) * SETTINGS.bank_scale
    for (layers, width), term in zip(PAIRS[:3], given, strict=True):
        own = vectors[layers - 1]
        questions = [told, asked[layers - 1]] if layers == LAYERS // 2 else [told]
        scores = [cosines(own, each, width) * SETTINGS.bank_scale for each in questions]
        expected = apart(own, whole) + sum(score_kl(one, teacher) for one in scores)
        weight = 0.5 * (1.0 if layers == LAYERS // 2 else 0.2)
        torch.testing.assert_close(term, weight * expected, atol=1e-4, rtol=1e-4)
