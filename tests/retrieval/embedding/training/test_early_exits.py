"""Early exits learn what the whole model says of texts, and nothing from what they are not asked."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from skerry.core.models.store import Model
from skerry.core.progress import SilentProgress
from skerry.retrieval.embedding.training.early_exits import EarlyExits
from skerry.retrieval.embedding.training.examples import Example
from skerry.retrieval.embedding.training.losses.info_nce import info_nce
from skerry.retrieval.embedding.training.losses.score_kl import score_kl
from skerry.retrieval.embedding.training.network import TrainableEncoder
from skerry.retrieval.embedding.training.scores import Scores
from skerry.retrieval.embedding.training.settings import Settings

from ..conftest import LAYERS, WIDTH  # noqa: TID252 -- the room's words
from .conftest import words_of

SETTINGS = Settings(short=12, long=4, bank=16, steps=7)
PAIRS = ((2, 16), (3, WIDTH), (LAYERS, WIDTH))
TEXTS = [" ".join(words_of(n)) for n in range(40)]
OWN = {7 * n: text for n, text in enumerate(TEXTS[:20])}
EXAMPLES = [
    Example(" ".join(words_of(n)[:3]), 7 * (n % 20), frozenset({7 * (n % 20), 0}), ()) for n in range(30)
]
LABELLED = replace(SETTINGS, label_weight=0.5, label_scale=10.0)


@pytest.fixture
def encoder(small: Callable[[str], Model]) -> TrainableEncoder:
    encoder = TrainableEncoder(small("bert"), (8,), 0, keep_whole=True)
    tokens = encoder.tokens(TEXTS, 32)
    encoder.start(tokens, tokens)
    return encoder


def objective(encoder: TrainableEncoder, settings: Settings = SETTINGS) -> EarlyExits:
    questions = encoder.tokens([example.query for example in EXAMPLES], 16)
    short = encoder.tokens([" ".join(words_of(n)[:3]) for n in range(100, 110)], 16)
    return EarlyExits(encoder, settings, PAIRS, EXAMPLES, questions, OWN, short, TEXTS[20:], SilentProgress())


@pytest.mark.parametrize("settings", [SETTINGS, LABELLED])
def test_they_learn(encoder: TrainableEncoder, settings: Settings) -> None:
    loss = objective(encoder, settings)

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
    torch.testing.assert_close(loss._across(rows, [], random.Random(0)), across)
    torch.testing.assert_close(loss._among(rows), among)


def test_labels_name_the_passage_among_all_that_are_no_evidence(encoder: TrainableEncoder) -> None:
    loss, plain = objective(encoder, LABELLED), objective(encoder, replace(LABELLED, label_weight=1e-9))
    rows = [torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(n)) for n in range(LAYERS)]
    asked = EXAMPLES[4:7]
    places = loss._columns(asked, random.Random(3))
    assert len(set(places)) == len(places) >= SETTINGS.bank
    bank, first = loss._bank[places], places.index(0)
    told = torch.zeros(())
    for layers, width in PAIRS[:2]:
        scores = (
            torch.cosine_similarity(rows[layers - 1][:3, None, :width], bank[None, :, :width], dim=2) * 10
        )
        scores[:, first] = -1e4
        told = told + info_nce(scores, torch.tensor([places.index(4 + n) for n in range(3)])) / 2
    added = loss._across(rows, asked, random.Random(3)) - plain._across(rows, asked, random.Random(3))
    torch.testing.assert_close(added, 0.5 * told, rtol=1e-3, atol=1e-4)
