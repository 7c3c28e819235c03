"""A tiny causal model in a model store, and passages of animals to train on."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.core.models.store import Model, ModelStore
from skerry.retrieval.corpus.records import Passage, Span
from skerry.retrieval.corpus.store import PassageStore, PassageWriter
from skerry.retrieval.seal.vocabulary import Vocabulary

from ..leg.small import write_language_model  # noqa: TID252 -- another part's model

ANIMALS = ("otter", "heron", "badger", "swift", "adder", "plaice", "shrew", "lark", "newt", "stoat")
PLACES = ("marsh", "cliff", "meadow", "harbour", "quarry", "orchard", "moor", "estuary", "cellar", "dune")


def text_of(number: int) -> str:
    animal, place = ANIMALS[number % 10], PLACES[number // 10 % 10]
    return (
        f"The {animal} of page {number} sleeps under the {place} and eats what the {place} gives every night."
    )


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A causal model of random weights, a folder of the user's."""
    folder = write_language_model(
        tmp_path_factory.mktemp("base") / "tiny",
        [text_of(n) + " Question: Passage: Title:" for n in range(50)],
    )
    return ModelStore(tmp_path_factory.mktemp("models")).resolve(str(folder))


@pytest.fixture(scope="session")
def vocabulary(base: Model) -> Vocabulary:
    return Vocabulary.load(base)


@pytest.fixture(scope="session")
def passages(tmp_path_factory: pytest.TempPathFactory) -> PassageStore:
    """Forty passages of twenty pages."""
    folder: Path = tmp_path_factory.mktemp("passages") / "store"
    with PassageWriter(folder) as writer:
        for n in range(40):
            page = f"p{n // 2}"
            writer.append(
                Passage(
                    n,
                    f"{page}#{n % 2}",
                    page,
                    f"The {ANIMALS[n // 2 % 10]}",
                    "",
                    text_of(n),
                    Span(1, 0, 1, 9),
                )
            )
    return PassageStore.open(folder)
