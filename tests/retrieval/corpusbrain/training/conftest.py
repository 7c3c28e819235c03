"""A corpus of twenty titles, an encoder of some kilobytes, and texts that name them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import pytest

from skerry.core.models.store import Model, ModelStore
from skerry.retrieval.corpusbrain.model.tokenizer import TitleTokenizer
from skerry.retrieval.corpusbrain.naming import Names, name_pages
from skerry.retrieval.corpusbrain.pretraining.pairs import Pair
from skerry.retrieval.corpusbrain.title_tree import TitleTree, build_tree

from ..leg.small import write_encoder  # noqa: TID252 -- the room's encoder

ANIMALS = ("otter", "heron", "badger", "swift", "adder")
PLACES = ("marsh", "cliff", "meadow", "harbour")
WORDS = (*ANIMALS, *PLACES, *["where", "does", "the", "of", "live", "in", "is", "seen", "at"])
TITLES = tuple(f"{animal} of the {place}" for animal in ANIMALS for place in PLACES)


@dataclass(frozen=True)
class Titled:
    """Titles in an encoder's tokens."""

    base: Model
    names: Names
    tree: TitleTree


MakeTitled: TypeAlias = Callable[..., Titled]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    return ModelStore(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def base(store: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return store.resolve(str(write_encoder(tmp_path_factory.mktemp("encoder") / "tiny", words=WORDS)))


@pytest.fixture(scope="session")
def make_titled(base: Model, tmp_path_factory: pytest.TempPathFactory) -> MakeTitled:
    """`make_titled(*titles)`."""

    def make(*titles: str) -> Titled:
        tokenizer = TitleTokenizer.load(base.folder)
        names = name_pages(titles, tokenizer.encode_titles)
        path = tmp_path_factory.mktemp("tree") / "titles.tree"
        build_tree(names, tokenizer.end, path)
        return Titled(base, names, TitleTree.open(path))

    return make


@pytest.fixture(scope="session")
def titled(make_titled: MakeTitled) -> Titled:
    """All of `TITLES`."""
    return make_titled(*TITLES)


@pytest.fixture(scope="session")
def pairs() -> list[Pair]:
    """One a page."""
    return [
        Pair(f"where the {animal} is seen in the {place}", (number,))
        for number, (animal, place) in enumerate((animal, place) for animal in ANIMALS for place in PLACES)
    ]


@pytest.fixture(scope="session")
def many(pairs: list[Pair]) -> list[Pair]:
    """Forty, two of which are held out."""
    return [*pairs, *(Pair(pair.source.replace("is seen", "does live"), pair.pages) for pair in pairs)]
