"""A training run: it learns, a stop leaves no trace, and what is wrong is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from skerry.core.errors import IndexCorrupt, InvalidInput, NotFound
from skerry.core.models.checkpoint import CHECKPOINT
from skerry.core.models.store import Model
from skerry.core.progress import SilentProgress
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.embedding import adapter
from skerry.retrieval.embedding.encoder import SentenceEncoder
from skerry.retrieval.embedding.training.examples import Example
from skerry.retrieval.embedding.training.settings import Settings
from skerry.retrieval.embedding.training.similarity import SimilarPair
from skerry.retrieval.embedding.training.texts import CutText, cut_text
from skerry.retrieval.embedding.training.trainer import EmbeddingTrainer

from .conftest import COUNT, words_of

SETTINGS = Settings(
    keep_whole=False,
    pairs=((1, 8), (2, 16)),
    ranks=(8,),
    learning_rate=2e-2,
    passages=6,
    each=2,
    group=2,
    steps=40,
    texts=4,
    similar=4,
    checkpoint_every=5,
)
ALL = np.arange(COUNT)
OTHERS = [cut_text("", " ".join(reversed(words_of(n)))) for n in range(100, 110)]
TEXTS = [other.text for other in OTHERS]
SIMILAR = [SimilarPair("the fog", f"the {word}", float(n)) for n, word in enumerate(words_of(7))]


class Stopped(Exception):
    """The machine goes down."""


class StopAfter(SilentProgress):
    def __init__(self, steps: int) -> None:
        self.left = steps

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[StopAfter]:  # type: ignore[override]
        yield self

    def advance(self, amount: float = 1) -> None:
        self.left -= int(amount)
        if self.left < 0:
            raise Stopped

    def note(self, text: str) -> None:
        pass


@pytest.fixture
def base(small: Callable[[str], Model]) -> Model:
    return small("bert")


def state_of(folder: Path) -> Any:
    return torch.load(folder / CHECKPOINT, weights_only=True)["state"]


@pytest.mark.parametrize("loss", ["structured", "2dmse"])
def test_it_learns_at_every_size_and_its_adapter_can_be_used(
    base: Model, passages: PassageStore, examples: list[Example], tmp_path: Path, loss: str
) -> None:
    # Unanchored: the small encoder is random, and nothing to hold to.
    settings = replace(SETTINGS, loss=loss, anchor=0.0, steps=80)
    trainer = EmbeddingTrainer(base, passages, tmp_path, settings)
    assert trainer.pairs == ((1, 8), (2, 16), (4, 32))
    before = trainer.scores(examples, ALL, SilentProgress())
    trainer.train(examples, SilentProgress())
    after = trainer.scores(examples, ALL, SilentProgress())
    trainer.save()
    assert [(scores.layers, scores.dimensions) for scores in after] == list(trainer.pairs)
    for was, now in zip(before, after, strict=True):
        assert now.hit_at_1 >= max(was.hit_at_1 + 0.1, 0.7)
    config, factors = adapter.load(tmp_path)
    assert config.is_of(base)
    assert config.pairs == trainer.pairs
    assert not (tmp_path / CHECKPOINT).exists()
    encoder = SentenceEncoder(base, adapter=factors)
    texts = [f"the reef. {passage.text}" for passage in passages]
    for scores in after:
        size = {"layers": scores.layers, "dimensions": scores.dimensions}
        found = encoder.encode([one.query for one in examples], **size) @ encoder.encode(texts, **size).T
        hits = np.mean(found.argmax(axis=1) == [one.positive for one in examples])
        assert hits == pytest.approx(scores.hit_at_1, abs=0.1)


def test_a_stop_leaves_no_trace(
    base: Model, passages: PassageStore, examples: list[Example], tmp_path: Path
) -> None:
    settings = replace(SETTINGS, steps=20)
    data: dict[str, Any] = {"texts": OTHERS, "similar": SIMILAR}

    def trainer(name: str) -> EmbeddingTrainer:
        return EmbeddingTrainer(base, passages, tmp_path / name, settings)

    trainer("whole").train(examples, SilentProgress(), **data)
    with pytest.raises(Stopped):
        trainer("cut").train(examples, StopAfter(13), **data)
    trainer("cut").train(examples, SilentProgress(), **data)
    whole, cut = state_of(tmp_path / "whole"), state_of(tmp_path / "cut")
    assert whole["step"] == cut["step"] == 20
    torch.testing.assert_close(whole["trained"], cut["trained"], rtol=0, atol=0)
    EmbeddingTrainer(base, passages, tmp_path / "other", replace(settings, seed=1)).train(
        examples, SilentProgress(), **data
    )
    assert not torch.equal(state_of(tmp_path / "other")["trained"][1], whole["trained"][1])


def test_distillation_holds_it_to_the_untrained_encoder(
    base: Model, passages: PassageStore, examples: list[Example], tmp_path: Path
) -> None:
    """What the whole model says of other texts changes less where it is held to what it said."""
    untrained = SentenceEncoder(base).encode(TEXTS)

    def drift(name: str, texts: list[CutText]) -> float:
        settings = replace(SETTINGS, pairs=((4, 32),), distil_every=3, texts=10)
        trainer = EmbeddingTrainer(base, passages, tmp_path / name, settings)
        trainer.train(examples, SilentProgress(), texts=texts)
        trainer.save()
        vectors = SentenceEncoder(base, adapter=adapter.load(tmp_path / name)[1]).encode(TEXTS)
        return float(np.abs(vectors @ vectors.T - untrained @ untrained.T).mean())

    assert drift("held", OTHERS) < 0.7 * drift("free", [])


def test_epochs_where_no_steps_are_given(
    base: Model, passages: PassageStore, examples: list[Example], tmp_path: Path
) -> None:
    settings = replace(SETTINGS, steps=None, epochs=2, checkpoint_every=1)
    EmbeddingTrainer(base, passages, tmp_path, settings).train(examples, SilentProgress(), texts=OTHERS)
    # Two passes over twelve passages, six a batch, and a distillation step after every third.
    assert state_of(tmp_path)["step"] == 5


@pytest.mark.parametrize("count", [0, 1, 2])
def test_no_usable_pair(
    base: Model, passages: PassageStore, examples: list[Example], tmp_path: Path, count: int
) -> None:
    with pytest.raises(InvalidInput, match=f"no usable pair in {count} questions"):
        EmbeddingTrainer(base, passages, tmp_path / "out", SETTINGS).train(examples[:count], SilentProgress())
    assert not (tmp_path / "out").exists()


def test_another_runs_checkpoint_is_refused(
    base: Model, passages: PassageStore, examples: list[Example], tmp_path: Path
) -> None:
    settings = replace(SETTINGS, steps=5)
    EmbeddingTrainer(base, passages, tmp_path, settings).train(examples, SilentProgress())
    for other, asked in ((replace(settings, kl_weight=2.0), examples), (settings, examples[:-1])):
        with pytest.raises(InvalidInput, match="of another run"):
            EmbeddingTrainer(base, passages, tmp_path, other).train(asked, SilentProgress())
    with pytest.raises(InvalidInput, match="of another run"):
        EmbeddingTrainer(base, passages, tmp_path, settings).train(examples, SilentProgress(), texts=OTHERS)
    (tmp_path / CHECKPOINT).write_bytes(b"nothing")
    with pytest.raises(IndexCorrupt, match=CHECKPOINT):
        EmbeddingTrainer(base, passages, tmp_path, settings).train(examples, SilentProgress())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"pairs": ((5, 8),)}, "5x8"),
        ({"pairs": ((0, 8),)}, "0x8"),
        ({"pairs": ((1, 7),)}, "1x7"),
        ({"pairs": ((1, 33),)}, "1x33"),
        ({"ranks": (1, 2)}, "2 ranks for the 4 layers"),
        ({"loss": "2dmse", "pairs": ((4, 32),)}, "at least two layers"),
        ({"strength": 0.0}, "strength is 0.0"),
        ({"strength": 1.5}, "strength is 1.5"),
    ],
)
def test_settings_that_cannot_be(
    base: Model, passages: PassageStore, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidInput, match=told):
        EmbeddingTrainer(base, passages, tmp_path, replace(SETTINGS, **changes))
    with pytest.raises(NotFound, match="loss"):
        EmbeddingTrainer(base, passages, tmp_path, replace(SETTINGS, loss="triplet"))


KEPT = replace(SETTINGS, keep_whole=True, short=12, long=4, bank=9)


def test_a_whole_model_that_is_kept_stays_as_it_was(
    base: Model, passages: PassageStore, examples: list[Example], tmp_path: Path
) -> None:
    settings = replace(KEPT, pairs=((2, 32), (3, 16)), steps=20)
    trainer = EmbeddingTrainer(base, passages, tmp_path, settings)
    trainer.train(examples, SilentProgress(), texts=OTHERS, similar=SIMILAR)
    trainer.save()
    factors = adapter.load(tmp_path)[1]
    assert adapter.keeps_whole(factors, 4)
    encoder = SentenceEncoder(base, "fp32", adapter=factors)
    plain = SentenceEncoder(base, "fp32")
    queries, texts = [one.query for one in examples], [f"the reef. {passage.text}" for passage in passages]
    untrained = plain.encode(queries) @ plain.encode(texts).T
    # Turned, and rounded to eight bits: no more.
    assert encoder.encode(queries) @ encoder.encode(texts).T == pytest.approx(untrained, abs=0.02)
    assert encoder.encode(queries) != pytest.approx(plain.encode(queries), abs=0.1)


def test_a_stop_of_the_early_exits_training_leaves_no_trace(
    base: Model, passages: PassageStore, examples: list[Example], tmp_path: Path
) -> None:
    settings = replace(KEPT, steps=10)

    def trainer(name: str) -> EmbeddingTrainer:
        return EmbeddingTrainer(base, passages, tmp_path / name, settings)

    trainer("whole").train(examples, SilentProgress(), texts=OTHERS)
    with pytest.raises(Stopped):
        trainer("cut").train(examples, StopAfter(19), texts=OTHERS)
    trainer("cut").train(examples, SilentProgress(), texts=OTHERS)
    whole, cut = state_of(tmp_path / "whole"), state_of(tmp_path / "cut")
    assert whole["step"] == cut["step"] == 10
    torch.testing.assert_close(whole["trained"], cut["trained"], rtol=0, atol=0)


def test_exits_over_a_trained_whole_leave_it_as_it_is(
    base: Model, passages: PassageStore, examples: list[Example], tmp_path: Path
) -> None:
    first = EmbeddingTrainer(base, passages, tmp_path / "first", replace(SETTINGS, steps=12, strength=1.0))
    first.train(examples, SilentProgress(), texts=OTHERS)
    first.save()
    settings = replace(KEPT, steps=12)
    second = EmbeddingTrainer(base, passages, tmp_path / "second", settings, tmp_path / "first")
    second.train(examples, SilentProgress(), texts=OTHERS, similar=SIMILAR)
    second.save()
    below = SentenceEncoder(base, "fp32", adapter=adapter.load(tmp_path / "first")[1])
    both = SentenceEncoder(base, "fp32", adapter=adapter.load(tmp_path / "second")[1])
    queries = [one.query for one in examples]
    assert both.encode(queries) == pytest.approx(below.encode(queries), abs=1e-5)
    assert both.encode(queries) != pytest.approx(SentenceEncoder(base, "fp32").encode(queries), abs=0.1)

    def agreement(encoder: SentenceEncoder) -> float:
        return float((encoder.encode(queries, layers=2) * below.encode(queries)).sum(1).mean())

    assert agreement(both) > agreement(below)


@pytest.mark.parametrize(("keeps", "stacked"), [(False, False), (True, True)])
def test_what_nothing_can_stand_over(
    base: Model, passages: PassageStore, examples: list[Example], tmp_path: Path, keeps: bool, stacked: bool
) -> None:
    below = EmbeddingTrainer(
        base, passages, tmp_path / "below", replace(KEPT if stacked else SETTINGS, steps=1)
    )
    below.train(examples, SilentProgress(), texts=OTHERS)
    below.save()
    with pytest.raises(InvalidInput, match="cannot be stood over"):
        EmbeddingTrainer(base, passages, tmp_path / "out", KEPT if keeps else SETTINGS, tmp_path / "below")
