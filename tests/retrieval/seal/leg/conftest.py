"""A small corpus, a small language model with its tokenizer, and the SEAL leg over both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from skerry.core.models.store import Model, ModelStore
from skerry.retrieval.corpus.records import Passage, Span
from skerry.retrieval.corpus.store import PassageStore, PassageWriter
from skerry.retrieval.index.leg import BuiltLeg, Workshop
from skerry.retrieval.seal.leg import SealLeg
from skerry.retrieval.seal.prompts import body_prompt, title_prompt

from .small import write_language_model

PAGES = {
    "Lighthouse": ["A lighthouse warns ships of rocks.", "Its keeper, Maren  Holt, trims the lamp at night."],
    "Ferry": ["A ferry carries people and cars over water.", "The ferry to the island leaves at nine."],
    "Owl": ["Owls hunt at night.", "An owl turns its head far round because its eyes are fixed."],
    "Café": ["Cafe\u0301 means coffee.", "The café at the harbour opens at nine — at night it is closed."],
    "": ["A passage of a page without a title.", "x"],
    "Rain": ["Rain falls when droplets grow heavy.", "Rain falls when droplets grow heavy."],
}
Build = Callable[..., BuiltLeg]


@pytest.fixture(scope="session")
def passages(tmp_path_factory: pytest.TempPathFactory) -> PassageStore:
    """Twelve passages of six pages."""
    folder = tmp_path_factory.mktemp("passages")
    ordinal = 0
    with PassageWriter(folder) as writer:
        for page, (title, texts) in enumerate(PAGES.items()):
            for number, text in enumerate(texts):
                span = Span(1, 0, 1, len(text))
                writer.append(Passage(ordinal, f"{page}#{number}", str(page), title, "", text, span))
                ordinal += 1
    return PassageStore.open(folder)


@pytest.fixture(scope="session")
def small_models(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    """Where digests of the small models are remembered."""
    return ModelStore(tmp_path_factory.mktemp("store"))


QUESTIONS = {
    "Who trims the lamp of the lighthouse?": ("Lighthouse", 1),
    "When does the ferry leave?": ("Ferry", 1),
    "Why do owls turn their heads?": ("Owl", 1),
    "When does rain fall?": ("Rain", 0),
}


@pytest.fixture(scope="session")
def questions() -> list[str]:
    """What the small model has learnt to answer from passages 1, 3, 5 and 10 (or 11, which is the same)."""
    return list(QUESTIONS)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, small_models: ModelStore) -> Model:
    """A small language model of the corpus's own tokens that knows where four answers stand."""
    texts = [*PAGES, *QUESTIONS, *(text for texts in PAGES.values() for text in texts)]
    lessons = []
    for question, (title, number) in QUESTIONS.items():
        answer = " ".join(PAGES[title][number].split())
        lessons += [(body_prompt(question), answer), (title_prompt(question), title)]
    folder = tmp_path_factory.mktemp("model") / "small"
    return small_models.resolve(str(write_language_model(folder, texts * 4, lessons)))


@pytest.fixture(scope="session")
def build() -> Build:
    """`build(leg, passages, folder, model, cuts)`: the leg in folder/leg, of shards that end at the cuts."""

    def run(
        leg: SealLeg, passages: PassageStore, folder: Path, model: Model, cuts: Sequence[int] = ()
    ) -> BuiltLeg:
        shards = []
        for start, stop in zip([0, *cuts], [*cuts, len(passages)], strict=True):
            shards.append(folder / f"shard-{len(shards)}")
            leg.build_shard(passages, start, stop, shards[-1], model, 1)
        return leg.assemble(passages, shards, folder / "leg", model, Workshop(folder, folder / "work"))

    return run
