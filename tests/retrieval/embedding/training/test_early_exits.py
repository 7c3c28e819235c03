"""Early exits learn what the whole model says of texts, and nothing from what they are not asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from skerry.core.models.store import Model
from skerry.core.progress import SilentProgress
from skerry.retrieval.embedding.training.early_exits import EarlyExits
from skerry.retrieval.embedding.training.losses.score_kl import score_kl
from skerry.retrieval.embedding.training.network import TrainableEncoder
from skerry.retrieval.embedding.training.scores import Scores
from skerry.retrieval.embedding.training.settings import Settings

from ..conftest import LAYERS, WIDTH  # noqa: TID252 -- the room's words
from .conftest import words_of

SETTINGS = Settings(short=12, long=4, bank=16, steps=7)
PAIRS = ((2, 16), (3, WIDTH), (LAYERS, WIDTH))
TEXTS = [" ".join(words_of(n)) for n in range(40)]


@pytest.fixture
def encoder(small: Callable[[str], Model]) -> TrainableEncoder:
    encoder = TrainableEncoder(small("bert"), (8,), 0, keep_whole=True)
    tokens = encoder.tokens(TEXTS, 32)
    encoder.start(tokens, tokens)
    return encoder


def objective(encoder: TrainableEncoder, settings: Settings = SETTINGS) -> EarlyExits:
    questions = encoder.tokens([" ".join(words_of(n)[:3]) for n in range(100, 130)], 16)
    return EarlyExits(encoder, settings, PAIRS, questions, TEXTS, SilentProgress())


def test_they_learn(encoder: TrainableEncoder) -> None:
    loss = objective(encoder)

    def mean() -> float:
        with torch.no_grad():
            return sum(float(loss(number)) for number in range(1000, 1010)) / 10

    before = mean()
    optimizer = torch.optim.Adam(encoder.factors, lr=3e-3)
    for number in range(80):
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


def test_the_terms_written_out(encoder: TrainableEncoder) -> None:
    loss = objective(encoder)
    rows = [torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(n)) for n in range(LAYERS)]
    itself = torch.eye(5, dtype=torch.bool)
    bank = encoder.whole(encoder.tokens(TEXTS, 64))
    assert {len(loss._bank)} == {SETTINGS.bank}
    assert all((bank - vector).abs().amax(1).min() < 1e-2 for vector in loss._bank)
    across = among = torch.zeros(())
    for layers, width in PAIRS[:2]:

        def cosines(left: torch.Tensor, right: torch.Tensor, width: int) -> torch.Tensor:
            return torch.cosine_similarity(left[:, None, :width], right[None, :, :width], dim=2)

        student = cosines(rows[layers - 1], loss._bank, width) * SETTINGS.bank_scale
        across = across + score_kl(student, cosines(rows[-1], loss._bank, WIDTH) * SETTINGS.bank_scale) / 2
        own = Scores(rows, rows, SETTINGS.scale, itself)
        among = among + score_kl(own(layers, width), own.whole()) / 2
    torch.testing.assert_close(loss._across(rows), across)
    torch.testing.assert_close(loss._among(rows), among)
