"""A run that ends before its last step: a kill leaves no trace, a loss that no longer falls ends it."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from skerry.core.errors import IndexCorrupt, InvalidInput
from skerry.core.models.checkpoint import CHECKPOINT
from skerry.core.models.store import ModelStore
from skerry.retrieval.corpusbrain.model.config import WEIGHTS
from skerry.retrieval.corpusbrain.pretraining.pairs import Pair
from skerry.retrieval.corpusbrain.training import trainer as trainers
from skerry.retrieval.corpusbrain.training.trainer import Report, TitleTrainer

from ..leg.small import Counting, Killed, write_encoder  # noqa: TID252 -- the room's models
from .conftest import WORDS, Titled
from .runs import QUICK, train, weights


@pytest.fixture(scope="module")
def whole(titled: Titled, many: list[Pair], tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, bytes]:
    """What comes of a run of 16 steps that nothing interrupts."""
    out = tmp_path_factory.mktemp("whole")
    return train(titled, many, out), weights(out)


class TestKilled:
    @pytest.mark.parametrize("kills", [[1], [2], [3, 2, 5], [16]])
    def test_it_goes_on_as_if_nothing_had_been(
        self, titled: Titled, many: list[Pair], tmp_path: Path, whole: tuple[Report, bytes], kills: list[int]
    ) -> None:
        for step in kills:
            with pytest.raises(Killed):
                train(titled, many, tmp_path, progress=Counting(("training", step + 1)))
            assert not (tmp_path / WEIGHTS).exists()
        assert train(titled, many, tmp_path) == whole[0]
        assert weights(tmp_path) == whole[1]
        assert not (tmp_path / CHECKPOINT).exists()

    def test_when_all_was_learnt(
        self,
        titled: Titled,
        many: list[Pair],
        tmp_path: Path,
        whole: tuple[Report, bytes],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def killed(*_: object) -> None:
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(trainers, "save_network", killed)
            with pytest.raises(Killed):
                train(titled, many, tmp_path)
        rerun = Counting()
        assert train(titled, many, tmp_path, progress=rerun) == whole[0]
        assert rerun.advances["training"] == [whole[0].steps]
        assert weights(tmp_path) == whole[1]

    def test_another_runs_checkpoint(
        self, titled: Titled, many: list[Pair], tmp_path: Path, store: ModelStore
    ) -> None:
        out = tmp_path / "out"
        with pytest.raises(Killed):
            train(titled, many, out, progress=Counting(("training", 4)))
        other = store.resolve(str(write_encoder(tmp_path / "other", seed=3, words=WORDS)))
        train(titled, many, tmp_path / "start")
        for change in (
            partial(train, titled, many, out, replace(QUICK, seed=1)),
            partial(train, titled, many[:-1], out),
            partial(train, titled, many, out, start=tmp_path / "start"),
            partial(train, replace(titled, base=other), many, out),
        ):
            with pytest.raises(InvalidInput, match=f"{CHECKPOINT} is of another run"):
                change()
        (out / CHECKPOINT).write_bytes(b"nothing")
        with pytest.raises(IndexCorrupt, match=f"{CHECKPOINT} cannot be read"):
            train(titled, many, out)


class TestPatience:
    """Of a run of 16 steps: looks at the held-out loss after 4, 6, 10, 12 and 16."""

    @staticmethod
    def scripted(patch: pytest.MonkeyPatch, losses: list[float]) -> list[float]:
        """Say these losses, the first before training and the last after it; what is left unsaid."""
        left = list(losses)
        patch.setattr(TitleTrainer, "_held_out", lambda *_: left.pop(0))
        return left

    @pytest.mark.parametrize(
        ("patience", "losses", "steps"),
        [
            (2, [9.0, 8.0, 8.5, 8.0, 5.0], 10),
            (2, [9.0, 8.0, 8.5, 7.0, 7.5, 7.1, 5.0], 16),
            (2, [9.0, float("nan"), float("nan"), 5.0], 6),
            (1, [9.0, 9.0, 5.0], 4),
            (3, [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0], 16),
        ],
    )
    def test_the_loss_must_fall(
        self,
        titled: Titled,
        many: list[Pair],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        patience: int,
        losses: list[float],
        steps: int,
    ) -> None:
        left = self.scripted(monkeypatch, losses)
        report = train(titled, many, tmp_path, replace(QUICK, patience=patience))
        assert report == Report(pairs=38, steps=steps, before=9.0, after=losses[-1])
        assert left == []

    def test_killed_after_the_last_step_it_takes_no_further(
        self, titled: Titled, many: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings = replace(QUICK, patience=2)
        losses = [9.0, 9.0, 9.0, 5.0]
        with monkeypatch.context() as patch:
            self.scripted(patch, losses)
            train(titled, many, tmp_path / "whole", settings)
        with monkeypatch.context() as patch:
            self.scripted(patch, losses[:-1])
            with pytest.raises(IndexError):
                train(titled, many, tmp_path / "cut", settings)
        self.scripted(monkeypatch, losses[-1:])
        report = train(titled, many, tmp_path / "cut", settings)
        assert report == Report(pairs=38, steps=6, before=9.0, after=5.0)
        assert weights(tmp_path / "cut") == weights(tmp_path / "whole")

    def test_what_cannot_be_learnt(self, titled: Titled, many: list[Pair], tmp_path: Path) -> None:
        """Texts that name pages by chance: other such texts are not understood any better."""
        rng = random.Random(1)
        chance = [Pair(f"{pair.source} {n}", (rng.randrange(20),)) for n, pair in enumerate(many * 4)]
        settings = replace(
            QUICK, batch=38, epochs=100, held_out=8, learning_rate=1e-2, patience=2, label_smoothing=0.0
        )
        report = train(titled, chance, tmp_path, settings)
        assert report.steps < 4 * 100
        assert report.after is not None
        assert report.after > 0.8 * math.log(len(titled.names))
