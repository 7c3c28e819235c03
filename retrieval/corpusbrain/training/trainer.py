"""One training run of the small title model, which can be killed and gone on with."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from skerry.core.errors import InvalidInput
from skerry.core.files import naming_full_disk
from skerry.core.models.checkpoint import read_checkpoint, remove_checkpoint, write_checkpoint
from skerry.core.models.steps import run_steps
from skerry.core.models.store import Model
from skerry.core.progress import Progress
from skerry.retrieval.corpusbrain.model.files import (
    load_asking,
    load_trainable,
    new_network,
    restore,
    save_network,
    trained_tensors,
)
from skerry.retrieval.corpusbrain.model.tokenizer import TitleTokenizer
from skerry.retrieval.corpusbrain.naming import Names
from skerry.retrieval.corpusbrain.pretraining.pairs import Pair
from skerry.retrieval.corpusbrain.title_tree import TitleTree
from skerry.retrieval.corpusbrain.training.loss import title_loss
from skerry.retrieval.corpusbrain.training.settings import Settings
from skerry.retrieval.corpusbrain.training.targets import TargetMaker

_CHUNK = 16
"""Pairs that go through the network together: of like lengths, so that little is padding."""
_WIDTH_STEP = 8


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run.

    Attributes:
        pairs: learnt from, in an epoch.
        steps: taken; fewer than planned where the held-out loss stopped falling.
        before, after: nats a pair on the held-out pairs; None without any.
    """

    pairs: int
    steps: int
    before: float | None
    after: float | None


class TitleTrainer:
    """Trains on pairs of texts and pages.

    Args:
        base: the encoder.
        names, tree: of all pages.
        out: folder of the result and, until then, of the checkpoint.
        settings: how.
        several: whether a sequence may name several pages; without it only the first of a pair counts.
        start: folder of a network to go on from; what was learnt from questions stays with it.

    Raises:
        NotFound, IndexCorrupt: the network to go on from, or the base, cannot be loaded.
    """

    def __init__(
        self,
        base: Model,
        names: Names,
        tree: TitleTree,
        out: Path,
        settings: Settings,
        *,
        several: bool = False,
        start: Path | None = None,
    ) -> None:
        self._base, self._out, self._settings = base, out, settings
        if start is None:
            self._start, self._asking = "", None
            self._network = new_network(base, None, settings.dropout, settings.seed)
        else:
            config, self._network = load_trainable(start, base, settings.dropout, settings.seed)
            self._start, self._asking = config.weights_sha256, load_asking(start, base)
        self._nothing_to_choose = tree.pages == 1 and not several
        self._tokenizer = TitleTokenizer.load(base.folder)
        self._targets = TargetMaker(names, tree, self._tokenizer.start, several)
        root = torch.from_numpy(tree.children(tree.root).astype("int64"))
        self._root = torch.cat([root, torch.tensor([self._tokenizer.stop])]) if several else root
        self._trained = [p for p in self._network.parameters() if p.requires_grad]
        self._optimizer = torch.optim.AdamW(self._trained, lr=settings.learning_rate, weight_decay=0.01)

    def train(self, pairs: Sequence[Pair], progress: Progress) -> Report:
        """Learn from `pairs`, a few of which are held out, and write the network.

        Of an only title every model is certain: where sequences have one title and the tree has one page,
        there is nothing to learn, and no pair is needed.

        Raises:
            InvalidInput: no pair at all, or a checkpoint of another run.
            IndexCorrupt: a damaged checkpoint.
            BackendUnavailable: the folder cannot be written.
        """
        settings = self._settings
        if self._nothing_to_choose:
            save_network(self._out, self._base, self._network, self._asking)
            return Report(pairs=0, steps=0, before=None, after=None)
        if not pairs:
            raise InvalidInput(
                "There is no pair of a text and a title to learn from.",
                hint="The corpus needs pages with sentences of at least four words.",
            )
        with naming_full_disk(self._out):
            self._out.mkdir(parents=True, exist_ok=True)
        order = _shuffled(pairs, settings.seed)
        held = order[: min(settings.held_out, len(order) // 20)]
        learnt = order[len(held) :][: settings.most_pairs]
        run = asdict(settings) | {
            "base": self._base.weights_hash,
            "start": self._start,
            "pairs": _digest(order),
        }
        per_epoch = max(1, len(learnt) // settings.batch)
        total = per_epoch * settings.passes(len(learnt))
        state = self._resume(run)
        if state["before"] is None and held:
            state["before"] = state["best"] = self._held_out(held, progress)

        in_epoch = lru_cache(1)(lambda epoch: _shuffled(learnt, settings.seed * 7919 + epoch))

        def step(number: int, share: float) -> float:
            epoch, place = divmod(number, per_epoch)
            rows = in_epoch(epoch)[place * settings.batch : (place + 1) * settings.batch]
            return self._step(rows, number, share)

        def falls() -> bool:
            return bool(state["failed"] < settings.patience)

        def keep(taken: int) -> bool:
            if held and taken % settings.evaluate_every < settings.checkpoint_every:
                self._note(state, self._held_out(held, progress))
            self._checkpoint(run, taken, state)
            return falls()

        taken: int = state["step"]
        if falls():
            taken = run_steps(
                step,
                keep,
                done=taken,
                total=total,
                keep_every=settings.checkpoint_every,
                progress=progress,
            )
        after = self._held_out(held, progress) if held else None
        save_network(self._out, self._base, self._network, self._asking)
        remove_checkpoint(self._out)
        return Report(len(learnt), taken, state["before"], after)

    def _note(self, state: dict[str, Any], loss: float) -> None:
        if loss < state["best"]:
            state["best"], state["failed"] = loss, 0
        else:
            state["failed"] += 1

    def _step(self, rows: Sequence[Pair], number: int, share: float) -> float:
        torch.manual_seed(self._settings.seed * 1_000_003 + number)
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * share
        self._network.train()
        self._network.encoder.eval()
        self._optimizer.zero_grad()
        total = 0.0
        for loss in self._losses(rows):
            (loss / len(rows)).backward()
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(self._trained, 1.0)
        self._optimizer.step()
        return total / len(rows)

    def _losses(self, rows: Sequence[Pair]) -> Any:
        """The summed loss of one chunk of `rows` after another."""
        ids = self._tokenizer.token_lists([pair.source for pair in rows], self._settings.max_tokens)
        order = sorted(range(len(rows)), key=lambda row: len(ids[row]))
        for low in range(0, len(rows), _CHUNK):
            chunk = order[low : low + _CHUNK]
            tokens, mask = _padded([ids[row] for row in chunk])
            targets = self._targets.make([rows[row].pages for row in chunk])
            yield title_loss(self._network, tokens, mask, targets, self._root, self._smoothing())

    def _smoothing(self) -> float:
        return self._settings.label_smoothing if self._network.training else 0.0

    @torch.inference_mode()
    def _held_out(self, pairs: Sequence[Pair], progress: Progress) -> float:
        self._network.eval()
        total = 0.0
        with progress.task("held-out pairs", total=len(pairs), unit="pairs") as task:
            for start in range(0, len(pairs), 256):
                rows = pairs[start : start + 256]
                total += sum(float(loss) for loss in self._losses(rows))
                task.advance(len(rows))
        return total / len(pairs)

    def _checkpoint(self, run: dict[str, Any], step: int, state: dict[str, Any]) -> None:
        kept = state | {
            "step": step,
            "tensors": trained_tensors(self._network),
            "optimizer": self._optimizer.state_dict(),
        }
        write_checkpoint(self._out, run, kept)

    def _resume(self, run: dict[str, Any]) -> dict[str, Any]:
        kept = read_checkpoint(self._out, run)
        if kept is None:
            return {"step": 0, "before": None, "best": float("inf"), "failed": 0}
        restore(self._network, kept.pop("tensors"))
        self._optimizer.load_state_dict(kept.pop("optimizer"))
        return kept


def _shuffled(pairs: Sequence[Pair], seed: int) -> list[Pair]:
    order = list(pairs)
    random.Random(seed).shuffle(order)
    return order


def _padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    width = -(-max(map(len, rows)) // _WIDTH_STEP) * _WIDTH_STEP
    tokens = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.bool)
    for row, ids in enumerate(rows):
        tokens[row, : len(ids)] = torch.tensor(ids)
        mask[row, : len(ids)] = True
    return tokens, mask


def _digest(pairs: Sequence[Pair]) -> str:
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(f"{pair.pages} {pair.source}\n".encode(errors="surrogatepass"))
    return digest.hexdigest()
