"""Training of SEAL's language model: a low-rank adapter on a frozen causal model.

On a CPU the frozen weights and the activations are bfloat16 and attention is written out ("eager"): its
backward pass is twice as fast there as that of the fused form. Factors and optimiser are float32. The loss is
the cross-entropy of the n-grams and titles only (Bevilacqua et al. 2022), many of them a question in one
sequence (see `packing.py`).
"""

from __future__ import annotations

import hashlib
import math
import os
import random
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skerry.core.dtype import torch_dtype
from skerry.core.errors import BackendUnavailable, InvalidInput
from skerry.core.files import naming_full_disk
from skerry.core.models import low_rank
from skerry.core.models.checkpoint import read_checkpoint, remove_checkpoint, write_checkpoint
from skerry.core.models.steps import run_steps
from skerry.core.models.store import Model
from skerry.core.progress import Progress
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.seal import adapter
from skerry.retrieval.seal.training.output_loss import cross_entropy
from skerry.retrieval.seal.training.packing import Packed, Packer
from skerry.retrieval.seal.training.pairs import Pair
from skerry.retrieval.seal.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Attributes:
        rank: of the low-rank factors; 12 are 3.8 MB for SmolLM2-135M.
        learning_rate: at its peak; linear warm-up over 2% of the steps, then a cosine to a hundredth.
        pairs: a step.
        ngrams, ngram_tokens: n-grams of the passage a pair, and their length.
        title_weight: what a title's token counts beside an n-gram's.
        source_words: longer questions are cut.
        compiled: translate the model's layers with torch's compiler first: a minute or two, then about 1.4
            times the pairs a second. Needs a C++ compiler.
        seed: of the factors, the order and the n-grams drawn.
        checkpoint_every: steps between two checkpoints.
    """

    rank: int = 12
    learning_rate: float = 1e-3
    pairs: int = 16
    ngrams: int = 8
    ngram_tokens: int = 10
    title_weight: float = 2.0
    source_words: int = 48
    compiled: bool = False
    seed: int = 0
    checkpoint_every: int = 100


class SealTrainer:
    """One training run, which writes its checkpoints and its result to one folder.

    Args:
        base: the causal language model to adapt.
        passages: where the pairs' ordinals lead.
        out: folder of the result; a checkpoint there of the same run is gone on from.

    Raises:
        InvalidInput: a model that is no causal language model with linear layers, or one whose layers cannot
            be compiled one by one.
        BackendUnavailable: no compiler.
    """

    def __init__(self, base: Model, passages: PassageStore, out: Path, settings: Settings) -> None:
        self._base, self._passages, self._out, self._settings = base, passages, out, settings
        self._vocabulary = Vocabulary.load(base)
        self._model = _load(base)
        self._factors = low_rank.attach(self._model.base_model, settings.rank, settings.seed)
        if not self._factors:
            raise InvalidInput(f"{base.name} has no linear layers to adapt.")
        if settings.compiled:
            self._compile()
        self._optimizer = torch.optim.AdamW(self._factors, lr=settings.learning_rate, weight_decay=0.0)
        self._packer = Packer(
            self._vocabulary,
            settings.ngrams,
            settings.ngram_tokens,
            settings.title_weight,
            settings.source_words,
        )

    def train(self, pairs: Sequence[Pair], progress: Progress) -> None:
        """One pass over `pairs`, in an order of its own.

        Raises:
            InvalidInput: fewer pairs than one step needs, or a checkpoint of another run.
            IndexCorrupt: a damaged checkpoint.
            BackendUnavailable: the folder of the result cannot be written.
        """
        settings = self._settings
        steps = len(pairs) // settings.pairs
        if not steps:
            raise InvalidInput(
                f"There are {len(pairs)} pairs; one step needs {settings.pairs}.",
                hint="Give more questions, or index more passages.",
            )
        with naming_full_disk(self._out):
            self._out.mkdir(parents=True, exist_ok=True)
        order = list(pairs)
        random.Random(settings.seed).shuffle(order)
        run = asdict(settings) | {"base": self._base.weights_hash, "pairs": _digest(order)}
        done = self._resume(run)

        def step(number: int, share: float) -> float:
            rows = order[number * settings.pairs : (number + 1) * settings.pairs]
            return self._step(rows, number, share)

        run_steps(
            step,
            lambda taken: self._checkpoint(run, taken),
            done=done,
            total=steps,
            keep_every=settings.checkpoint_every,
            progress=progress,
        )

    @torch.inference_mode()
    def loss(self, pairs: Sequence[Pair], progress: Progress) -> float:
        """Mean cross-entropy in nats a target token over held-out pairs; not a number without any target."""
        total = weight = 0.0
        with (
            torch.compiler.set_stance("force_eager"),  # no second compilation, for inference
            progress.task("held-out pairs", total=len(pairs), unit="pairs") as task,
        ):
            for start in range(0, len(pairs), self._settings.pairs):
                rows = pairs[start : start + self._settings.pairs]
                if packed := self._pack(rows, start, training=False):
                    loss, weights = self._losses(packed)
                    total, weight = total + float(loss), weight + weights
                task.advance(len(rows))
        return total / weight if weight else math.nan

    def save(self) -> None:
        """Write the adapter and remove the checkpoint."""
        config = adapter.AdapterConfig(
            base_model=self._base.lasting_name,
            base_weights_hash=self._base.weights_hash,
            base_tokenizer_hash=self._base.tokenizer_hash,
            rank=self._settings.rank,
        )
        adapter.save(self._out, config, low_rank.state(self._model.base_model))
        remove_checkpoint(self._out)

    def _compile(self) -> None:
        layers = getattr(self._model.base_model, "layers", None)
        if layers is None:
            raise InvalidInput(
                f"The layers of a {type(self._model).__name__} cannot be compiled one by one.",
                hint="Train it without --compiled.",
            )
        # The one that torch looks for.
        compiler = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
        if shutil.which(compiler) is None:
            raise BackendUnavailable(
                f"There is no C++ compiler {compiler!r} to translate the model's layers with.",
                hint="Install one, name another in CXX, or train without --compiled.",
            )
        # Every layer counts as a recompilation of the first one; beyond the limit they would run as they are.
        torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, 2 * len(layers))
        for layer in layers:
            layer.compile(dynamic=True)

    def _step(self, rows: Sequence[Pair], step: int, share: float) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * share
        packed = self._pack(rows, step, training=True)
        if not packed:
            return 0.0
        summed, weight = self._losses(packed)
        loss = summed / weight
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._factors, 1.0)
        self._optimizer.step()
        return float(loss.detach())

    def _pack(self, rows: Sequence[Pair], number: int, training: bool) -> list[Packed]:
        rng = np.random.default_rng((self._settings.seed, int(training), number))
        passages = self._passages.get_many([pair.passage for pair in rows])
        drawn = [
            self._packer.pack(pair.source, passage.title, passage.text, pair.hidden, rng)
            for pair, passage in zip(rows, passages, strict=True)
        ]
        return [packed for packed in drawn if packed is not None]

    def _losses(self, rows: Sequence[Packed]) -> tuple[Tensor, float]:
        """The weighted sum of the targets' cross-entropy, and the sum of the weights."""
        longest = max(len(row.tokens) for row in rows)
        tokens = torch.zeros(len(rows), longest, dtype=torch.long)
        positions = torch.zeros(len(rows), longest, dtype=torch.long)
        sees = torch.eye(longest, dtype=torch.bool).repeat(len(rows), 1, 1)
        for number, row in enumerate(rows):
            size = len(row.tokens)
            tokens[number, :size] = torch.from_numpy(row.tokens)
            positions[number, :size] = torch.from_numpy(row.positions)
            sees[number, :size, :size] = torch.from_numpy(row.sees)
        dtype = self._model.dtype
        mask = torch.zeros(sees.shape, dtype=dtype).masked_fill_(~sees, torch.finfo(dtype).min)
        hidden = self._model.base_model(
            input_ids=tokens, position_ids=positions, attention_mask=mask[:, None], use_cache=False
        ).last_hidden_state
        offsets = np.arange(len(rows)) * longest
        sources = np.concatenate([row.sources + offset for row, offset in zip(rows, offsets, strict=True)])
        targets = torch.from_numpy(np.concatenate([row.targets for row in rows]))
        weights = torch.from_numpy(np.concatenate([row.weights for row in rows]))
        # A place with many targets (the n-grams' first token) goes through the output layer once.
        places, place = np.unique(sources, return_inverse=True)
        states = hidden.reshape(-1, hidden.shape[-1])[torch.from_numpy(places)]
        output = self._model.get_output_embeddings().weight
        return cross_entropy(states, output, torch.from_numpy(place), targets, weights), float(weights.sum())

    def _checkpoint(self, run: dict[str, Any], step: int) -> None:
        factors = [factor.detach() for factor in self._factors]
        state = {"step": step, "factors": factors, "optimizer": self._optimizer.state_dict()}
        write_checkpoint(self._out, run, state)

    def _resume(self, run: dict[str, Any]) -> int:
        kept = read_checkpoint(self._out, run)
        if kept is None:
            return 0
        with torch.no_grad():
            for factor, value in zip(self._factors, kept["factors"], strict=True):
                factor.copy_(value)
        self._optimizer.load_state_dict(kept["optimizer"])
        return int(kept["step"])


def _load(base: Model) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM

    if AutoConfig.from_pretrained(base.folder).is_encoder_decoder:
        raise InvalidInput(
            f"{base.name} is a sequence-to-sequence model; adapters are trained on causal ones.",
            hint="A fully fine-tuned sequence-to-sequence folder can be given to the index as its model.",
        )
    return AutoModelForCausalLM.from_pretrained(
        base.folder, dtype=torch_dtype("auto"), attn_implementation="eager"
    ).eval()


def _digest(pairs: Sequence[Pair]) -> str:
    lines = [f"{pair.passage} {pair.hidden} {pair.source}\n" for pair in pairs]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
