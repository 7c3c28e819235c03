"""A sentence encoder of some kilobytes as a folder, a corpus in its words, and builds that are killed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from skerry.core.progress import Task
from skerry.retrieval.corpusbrain.start import NETWORK
from skerry.retrieval.index.reader import Index

from ..tiny import word_tokenizer  # noqa: TID252 -- the room's tokenizer

PAGES = (
    ("Owl", "The owl hunts mice at night. Its eyes are fixed, so the owl turns its head far round."),
    ("Otter", "The otter swims in the river. At night the otter hunts eels and crabs along the shore."),
    ("Mercury", "The planet nearest to the sun has no moon. A year there is eighty eight days long."),
    ("Mercury", "The metal is liquid where we live. It was used in thermometers of glass for long."),
    ("", "This page has no title at all. It says nothing of any animal or of any planet."),
    ("Rain", "Rain falls when drops grow heavy. Where the owl and the Otter live it rains for days."),
    ("Very " * 400 + "long", "A title can be two thousand signs long. Nobody reads it to the end."),
)
WORDS = sorted({word.strip(".,").lower() for title, text in PAGES for word in f"{title} {text}".split()})


def write_encoder(folder: Path, seed: int = 0, words: Sequence[str] = WORDS) -> Path:
    """A BERT with two layers, 48 wide."""
    tokenizer = word_tokenizer(words)
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = BertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=256,
            initializer_range=0.3,
        )
        BertModel(config).save_pretrained(folder)
    return folder


def write_corpus(path: Path, pages: Sequence[tuple[str, str]] = PAGES) -> Path:
    """Pages as JSON lines; a page's id is its number."""
    lines = [{"id": f"p{n}", "title": title, "text": text} for n, (title, text) in enumerate(pages)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


class Killed(Exception):
    """Instead of SIGKILL."""


class Counting:
    """Counts what tasks advance by, and is killed where one has advanced so far."""

    def __init__(self, kill: tuple[str, int] | None = None) -> None:
        self.kill = kill
        self.advances: dict[str, list[float]] = {}
        self.notes: list[str] = []

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        progress = self
        done = progress.advances.setdefault(name, [])

        class Counted:
            def advance(self, amount: float = 1) -> None:
                done.append(amount)
                if progress.kill == (name, len(done)):
                    raise Killed

            def note(self, text: str) -> None:
                progress.notes.append(text)

            def set_total(self, total: float) -> None:
                pass

        yield Counted()


def network_bytes(folder: Path) -> bytes:
    with Index.open(folder) as index:
        return next((index.folder_of("corpusbrain") / NETWORK).glob("*.safetensors")).read_bytes()
