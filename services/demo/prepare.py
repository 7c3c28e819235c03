"""What the demo stands on: the models, the index of Python's language reference, the gold file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from skerry.core.errors import NotFound
from skerry.core.files import naming_full_disk, write_atomically
from skerry.core.models.store import ModelStore
from skerry.core.progress import Progress
from skerry.retrieval.corpus.readers import open_corpus
from skerry.retrieval.index.build import BuildSpec, run_build
from skerry.retrieval.index.manifest import Manifest
from skerry.services.demo.questions import gold_lines, load_questions
from skerry.services.indexing.local import LocalEngine

ENCODER = "all-MiniLM-L6-v2"
GENERATOR = "SmolLM2-135M-Instruct"
LEGS = ("bm25", "dense")
CORPUS = Path("pydoc")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A demo folder that is ready.

    Attributes:
        index: the index's folder.
        gold: KILT gold file of the questions that this Python's text answers.
        left_out: a message for each of the others.
    """

    index: Path
    manifest: Manifest
    gold: Path
    left_out: tuple[str, ...]


def prepare(
    folder: Path, models: ModelStore, progress: Progress, say: Callable[[str], None] = lambda _: None
) -> Prepared:
    """Fetch the models that are missing, index the corpus and write the gold file; what is there stays.

    Raises:
        BackendUnavailable: a model cannot be fetched, this Python has no reference, the disk is full.
    """
    for name in (ENCODER, GENERATOR):
        try:
            models.resolve(name)
        except NotFound:
            say(f"Fetching the model {name} (once).")
            models.pull(name, progress=progress)
    with naming_full_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
    index = folder / "index"
    spec = BuildSpec(corpus=CORPUS, format="pydoc", legs=LEGS)
    outcome = run_build(spec, index, engine=LocalEngine(), models=models, progress=progress, say=say)
    resolved = gold_lines(load_questions(), open_corpus(CORPUS, "pydoc"))
    gold = folder / "gold.jsonl"
    with naming_full_disk(folder):
        write_atomically(gold, "".join(json.dumps(line) + "\n" for line in resolved.lines).encode())
    return Prepared(index, outcome.manifest, gold, resolved.left_out)
