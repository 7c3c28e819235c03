"""Training of the cross-encoder: a low-rank adapter and a head on a frozen encoder, listwise softmax.

It runs on a GPU where torch finds one. Frozen weights and activations are bfloat16 where the device
multiplies it; factors, head and optimiser are float32. On a CPU attention is written out ("eager"): its
backward pass is twice as fast there as that of the fused form.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skerry.core.device import best_device
from skerry.core.dtype import torch_dtype
from skerry.core.errors import InvalidInput
from skerry.core.files import naming_full_disk
from skerry.core.models import low_rank
from skerry.core.models.checkpoint import read_checkpoint, remove_checkpoint, write_checkpoint
from skerry.core.models.steps import run_steps
from skerry.core.models.store import Model
from skerry.core.progress import Progress
from skerry.ranking import adapter
from skerry.ranking.objectives.listwise_softmax import listwise_softmax
from skerry.ranking.pair_network import PairTokenizer, batches, load_network, passage_text
from skerry.ranking.training.examples import Example, digest, draw_negatives
from skerry.ranking.training.held_out import Scores, fit, halves, relevance, scores_of
from skerry.retrieval.corpus.store import PassageStore

_BATCH_TOKENS = {"cpu": 4096, "cuda": 131_072}


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Attributes:
        rank: of the low-rank factors; 32 are 2.6 MB for a 6-layer, 384-wide base.
        learning_rate: at its peak; linear warm-up over 2% of the steps, then a cosine to zero.
        queries: questions a step; each brings its positive and `negatives` hard negatives.
        epochs: passes over the questions, each with negatives drawn anew.
        max_tokens: of a pair; longer passages are cut.
        seed: of the factors, the order and the drawing of negatives.
    """

    rank: int = 32
    learning_rate: float = 1e-3
    head_learning_rate: float = 1e-3
    queries: int = 8
    negatives: int = 5
    epochs: int = 1
    max_tokens: int = 208
    seed: int = 0
    checkpoint_every: int = 100


class CrossEncoderTrainer:
    """One training run, which writes its checkpoints and its result to one folder.

    Args:
        base: the encoder to adapt.
        passages: where the examples' ordinals lead.
        out: folder of the result; a checkpoint there of the same settings is gone on from.
    """

    def __init__(self, base: Model, passages: PassageStore, out: Path, settings: Settings) -> None:
        self._base, self._passages, self._out, self._settings = base, passages, out, settings
        torch.manual_seed(settings.seed)
        self._device = best_device()
        attention = "eager" if self._device == "cpu" else "sdpa"
        dtype = torch_dtype("auto", self._device)
        self._network = load_network(base, dtype, attention, settings.max_tokens).to(self._device).eval()
        self._factors = low_rank.attach(self._network.encoder, settings.rank, settings.seed)
        self._head = list(self._network.head.parameters())
        self._network.head.requires_grad_(True)
        self._tokenizer = PairTokenizer(base, settings.max_tokens)
        self._passage_tokens: dict[int, list[int]] = {}
        self._optimizer = torch.optim.AdamW(
            [
                {"params": self._factors, "peak": settings.learning_rate},
                {"params": self._head, "peak": settings.head_learning_rate},
            ],
            weight_decay=0.0,
        )

    def train(self, examples: Sequence[Example], progress: Progress) -> None:
        """Passes over `examples`; those with too few negatives are passed over.

        Raises:
            InvalidInput: fewer examples than one step needs, or a checkpoint of another run.
            IndexCorrupt: a damaged checkpoint.
            BackendUnavailable: the folder of the result cannot be written.
        """
        settings = self._settings
        drawn = self._draw(examples)
        steps = len(drawn) // settings.queries
        if not steps:
            raise InvalidInput(
                f"There are {len(drawn)} usable questions; one step needs {settings.queries}.",
                hint="Give more questions, or index more passages, so that hard negatives can be found.",
            )
        with naming_full_disk(self._out):
            self._out.mkdir(parents=True, exist_ok=True)
        run = asdict(settings) | {"base": self._base.weights_hash, "examples": digest(drawn)}
        done = self._resume(run)

        def step(number: int, share: float) -> float:
            rows = drawn[number * settings.queries : (number + 1) * settings.queries]
            return self._step(rows, share)

        run_steps(
            step,
            lambda taken: self._checkpoint(run, taken),
            done=done,
            total=steps,
            keep_every=settings.checkpoint_every,
            progress=progress,
        )

    def finish(self, held_out: Sequence[Example], depth: int, progress: Progress) -> Scores:
        """Write the adapter, with the first stage's weight and the calibration fitted on half of `held_out`.

        The scores are those of the other half.

        Raises:
            InvalidInput: fewer than two questions, or none whose evidence was found in the half that the
                calibration is fitted on.
        """
        half = len(halves(held_out)[0])
        read, relevant = self._score_held_out(held_out, depth, progress)
        fitted = fit(read[:half], relevant[:half])
        config = adapter.AdapterConfig(
            base_model=self._base.lasting_name,
            base_weights_hash=self._base.weights_hash,
            base_tokenizer_hash=self._base.tokenizer_hash,
            rank=self._settings.rank,
            max_tokens=self._settings.max_tokens,
            first_stage_weight=fitted.first_stage_weight,
            calibration=fitted.calibration,
        )
        self._network.cpu()
        adapter.save(
            self._out, config, low_rank.state(self._network.encoder), self._network.head.state_dict()
        )
        remove_checkpoint(self._out)
        return scores_of(read[half:], relevant[half:], fitted, depth)

    def _draw(self, examples: Sequence[Example]) -> list[tuple[Example, list[int]]]:
        rng = random.Random(self._settings.seed)
        order = list(examples)
        drawn = []
        for _ in range(self._settings.epochs):
            rng.shuffle(order)
            drawn += [(example, draw_negatives(example, self._settings.negatives, rng)) for example in order]
        return [(example, negatives) for example, negatives in drawn if negatives is not None]

    def _step(self, rows: Sequence[tuple[Example, list[int]]], share: float) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = group["peak"] * share
        ordinals = [o for example, negatives in rows for o in (example.question.positive, *negatives)]
        queries = [example.question.query for example, _ in rows]
        scores = self._scores(queries, ordinals, self._settings.negatives + 1)
        loss = listwise_softmax(scores.view(len(rows), -1))
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([*self._factors, *self._head], 1.0)
        self._optimizer.step()
        return float(loss.detach())

    def _scores(self, queries: Sequence[str], ordinals: Sequence[int], each: int) -> Tensor:
        """Scores of `each` ordinals a query, shape (len(ordinals),), in order."""
        passages = self._tokens_of(ordinals)
        tokens = self._tokenizer.tokens(queries)
        pairs = [self._tokenizer.pair(tokens[row // each], passage) for row, passage in enumerate(passages)]
        if not pairs:
            return torch.empty(0, device=self._device)
        rows: list[int] = []
        parts: list[Tensor] = []
        for batch_rows, *inputs in batches(pairs, _BATCH_TOKENS[self._device]):
            rows += batch_rows
            parts.append(self._network(*(tensor.to(self._device) for tensor in inputs)))
        return torch.cat(parts)[torch.tensor(rows, device=self._device).argsort()]

    def _tokens_of(self, ordinals: Sequence[int]) -> list[list[int]]:
        """Of passages; each is tokenised once."""
        new = [ordinal for ordinal in dict.fromkeys(ordinals) if ordinal not in self._passage_tokens]
        texts = [passage_text(found.title, found.text) for found in self._passages.get_many(new)]
        self._passage_tokens.update(zip(new, self._tokenizer.tokens(texts), strict=True))
        return [self._passage_tokens[ordinal] for ordinal in ordinals]

    def _score_held_out(
        self, held_out: Sequence[Example], depth: int, progress: Progress
    ) -> tuple[list[np.ndarray[Any, np.dtype[np.float32]]], list[np.ndarray[Any, np.dtype[np.bool_]]]]:
        scores, relevant = [], []
        with torch.inference_mode(), progress.task("held-out questions", total=len(held_out)) as task:
            for example in held_out:
                ordinals = example.candidates[:depth]
                scores.append(self._scores([example.question.query], ordinals, len(ordinals)).cpu().numpy())
                relevant.append(relevance(example, depth))
                task.advance()
        return scores, relevant

    def _checkpoint(self, run: dict[str, Any], step: int) -> None:
        state = {
            "step": step,
            "factors": [factor.detach() for factor in self._factors],
            "head": self._network.head.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        write_checkpoint(self._out, run, state)

    def _resume(self, run: dict[str, Any]) -> int:
        kept = read_checkpoint(self._out, run)
        if kept is None:
            return 0
        with torch.no_grad():
            for factor, value in zip(self._factors, kept["factors"], strict=True):
                factor.copy_(value)
        self._network.head.load_state_dict(kept["head"])
        self._optimizer.load_state_dict(kept["optimizer"])
        return int(kept["step"])
