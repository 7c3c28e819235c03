"""A training run: it learns, a stop leaves no trace, and what is wrong is named."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import BartConfig, BartForConditionalGeneration, OPTConfig, OPTForCausalLM

from skerry.core.errors import BackendUnavailable, IndexCorrupt, InvalidInput
from skerry.core.models.checkpoint import CHECKPOINT
from skerry.core.models.store import Model, ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.seal import adapter
from skerry.retrieval.seal.training.pairs import Pair, unsupervised_pairs
from skerry.retrieval.seal.training.trainer import SealTrainer, Settings

SETTINGS = Settings(rank=4, learning_rate=2e-2, pairs=4, ngrams=3, ngram_tokens=6, checkpoint_every=5)


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


def pairs() -> list[Pair]:
    return [Pair(f"Where does the animal of page {n % 40} sleep?", n % 40) for n in range(80)]


def test_it_learns_and_its_adapter_can_be_read(base: Model, passages: PassageStore, tmp_path: Path) -> None:
    trainer = SealTrainer(base, passages, tmp_path, SETTINGS)
    before = trainer.loss(pairs()[:12], SilentProgress())
    trainer.train(pairs(), SilentProgress())
    after = trainer.loss(pairs()[:12], SilentProgress())
    trainer.save()
    assert after < before - 0.5
    config, factors = adapter.load(tmp_path)
    assert config.base_weights_hash == base.weights_hash
    assert {factor.shape[0] for name, factor in factors.items() if name.endswith("_a")} == {4}
    assert not (tmp_path / CHECKPOINT).exists()


def test_held_out_pairs_without_targets_are_passed_over(
    base: Model, passages: PassageStore, tmp_path: Path
) -> None:
    trainer = SealTrainer(base, passages, tmp_path, SETTINGS)
    whole = Pair("The whole passage.", 3, hidden=(0, 100))
    some = pairs()[: SETTINGS.pairs]
    assert trainer.loss([*some, whole], SilentProgress()) == trainer.loss(some, SilentProgress())
    assert math.isnan(trainer.loss([whole], SilentProgress()))


def test_a_stop_leaves_no_trace(base: Model, passages: PassageStore, tmp_path: Path) -> None:
    SealTrainer(base, passages, tmp_path / "whole", SETTINGS).train(pairs(), SilentProgress())
    with pytest.raises(Stopped):
        SealTrainer(base, passages, tmp_path / "cut", SETTINGS).train(pairs(), StopAfter(13))
    resumed = SealTrainer(base, passages, tmp_path / "cut", SETTINGS)
    resumed.train(pairs(), SilentProgress())
    whole = torch.load(tmp_path / "whole" / CHECKPOINT, weights_only=True)["state"]
    cut = torch.load(tmp_path / "cut" / CHECKPOINT, weights_only=True)["state"]
    assert whole["step"] == cut["step"] == 20
    torch.testing.assert_close(whole["factors"], cut["factors"], rtol=0, atol=0)


def test_another_runs_checkpoint_is_refused(base: Model, passages: PassageStore, tmp_path: Path) -> None:
    SealTrainer(base, passages, tmp_path, SETTINGS).train(pairs()[:20], SilentProgress())
    with pytest.raises(InvalidInput, match="of another run"):
        SealTrainer(base, passages, tmp_path, replace(SETTINGS, seed=1)).train(pairs()[:20], SilentProgress())
    (tmp_path / CHECKPOINT).write_bytes(b"nothing")
    with pytest.raises(IndexCorrupt, match=CHECKPOINT):
        SealTrainer(base, passages, tmp_path, SETTINGS).train(pairs()[:20], SilentProgress())
    for other in ({"step": 1}, [1]):
        torch.save(other, tmp_path / CHECKPOINT)
        with pytest.raises(IndexCorrupt, match=CHECKPOINT):
            SealTrainer(base, passages, tmp_path, SETTINGS).train(pairs()[:20], SilentProgress())


def test_too_few_pairs(base: Model, passages: PassageStore, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="There are 3 pairs"):
        SealTrainer(base, passages, tmp_path, SETTINGS).train(pairs()[:3], SilentProgress())


def test_a_sequence_to_sequence_model_is_refused(base: Model, passages: PassageStore, tmp_path: Path) -> None:
    folder = tmp_path / "bart"
    BartForConditionalGeneration(
        BartConfig(
            vocab_size=400,
            d_model=8,
            encoder_layers=1,
            decoder_layers=1,
            encoder_ffn_dim=8,
            decoder_ffn_dim=8,
            encoder_attention_heads=1,
            decoder_attention_heads=1,
        )
    ).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((base.folder / name).read_bytes())
    model = ModelStore(tmp_path / "models").resolve(str(folder))
    with pytest.raises(InvalidInput, match="sequence-to-sequence"):
        SealTrainer(model, passages, tmp_path / "out", SETTINGS)


def test_what_compiling_needs(
    base: Model, passages: PassageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(BackendUnavailable, match="no-such-compiler"):
        SealTrainer(base, passages, tmp_path / "out", replace(SETTINGS, compiled=True))
    folder = tmp_path / "opt"
    OPTForCausalLM(
        OPTConfig(
            vocab_size=400,
            hidden_size=8,
            num_hidden_layers=1,
            ffn_dim=8,
            num_attention_heads=1,
            word_embed_proj_dim=8,
        )
    ).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((base.folder / name).read_bytes())
    model = ModelStore(tmp_path / "models").resolve(str(folder))
    with pytest.raises(InvalidInput, match="without --compiled"):
        SealTrainer(model, passages, tmp_path / "out", replace(SETTINGS, compiled=True))


def test_unsupervised_pairs_are_stretches_of_their_passage(passages: PassageStore) -> None:
    found = unsupervised_pairs(passages, range(40), 200, seed=3, words=(3, 5))
    assert found == unsupervised_pairs(passages, range(40), 200, seed=3, words=(3, 5))
    assert len(found) == 200
    for pair in found:
        words = passages[pair.passage].text.split()[slice(*pair.hidden)]
        assert pair.source in (" ".join(words), " ".join(words).lower())
        assert 3 <= len(words) <= 5


def test_passages_too_short_for_a_stretch_are_passed_over(passages: PassageStore) -> None:
    assert unsupervised_pairs(passages, range(40), 5, seed=0, words=(30, 40)) == []
