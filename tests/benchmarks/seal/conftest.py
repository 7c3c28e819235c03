"""An index of six pages with the legs bm25 and seal, its small language model, and gold questions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.corpus.chunking import Chunking
from skerry.retrieval.index.build import BuildSpec, build_index
from skerry.retrieval.index.engine import SerialEngine
from skerry.retrieval.seal.prompts import body_prompt, title_prompt

from ...retrieval.seal.leg.small import write_language_model  # noqa: TID252 -- another room's model

PAGES = {
    "Lighthouse": ["A lighthouse warns ships of rocks.", "Its keeper, Maren Holt, trims the lamp at night."],
    "Ferry": ["A ferry carries people and cars over water.", "The ferry to the island leaves at nine."],
    "Owl": ["Owls hunt at night.", "An owl turns its head far round because its eyes are fixed."],
    "Rain": ["Rain falls when droplets grow heavy.", "Rain washes the rocks and fills the lake."],
    "Kelp": ["Kelp is a large brown seaweed.", "It grows in cold water among rocks."],
    "Lamp": ["A lamp gives light at night.", "The lamp of a ship is red or green."],
}
QUESTIONS = {
    "Who trims the lamp of the lighthouse?": ("Lighthouse", 1),
    "When does the ferry leave?": ("Ferry", 1),
    "Why do owls turn their heads?": ("Owl", 1),
    "What does rain fill?": ("Rain", 1),
    "Where does the seaweed grow?": ("Kelp", 1),
}
_LEARNT = 3


@dataclass(frozen=True)
class Small:
    """Paths of the index and of the gold file."""

    index: Path
    gold: Path


@pytest.fixture(scope="module")
def small(made: Path) -> Iterator[Small]:
    """Everything. Commands find no other models."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKERRY_MODELS", str(made / "models"))
        yield Small(made / "index", made / "gold.jsonl")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of it all; the model has learnt where the first answers stand."""
    folder = tmp_path_factory.mktemp("bench")
    gold = folder / "gold.jsonl"
    with (folder / "corpus.jsonl").open("w") as file:
        for title, texts in PAGES.items():
            page = {"_id": title, "wikipedia_id": title, "wikipedia_title": title, "text": [title, *texts]}
            file.write(json.dumps(page) + "\n")
    with gold.open("w") as file:
        for number, (question, (title, line)) in enumerate(QUESTIONS.items()):
            place = {"wikipedia_id": title, "start_paragraph_id": line + 1, "end_paragraph_id": line + 1}
            output = [{"answer": "x", "provenance": [place]}]
            file.write(json.dumps({"id": f"q{number}", "input": question, "output": output}) + "\n")
    model = _language_model(folder / "model")
    spec = BuildSpec(
        corpus=folder / "corpus.jsonl",
        format="kilt",
        legs=("bm25", "seal"),
        parameters={"seal": {"model": str(model), "dtype": "fp32"}},
        chunking=Chunking(words=8),
    )
    store = ModelStore(folder / "models")
    build_index(spec, folder / "index", engine=SerialEngine(), models=store, progress=SilentProgress())
    return folder


def _language_model(folder: Path) -> Path:
    texts = [*PAGES, *QUESTIONS, *(text for texts in PAGES.values() for text in texts)]
    lessons = []
    for question, (title, line) in list(QUESTIONS.items())[:_LEARNT]:
        lessons += [(body_prompt(question), PAGES[title][line]), (title_prompt(question), title)]
    return write_language_model(folder, texts * 4, lessons)
