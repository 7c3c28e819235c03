"""The weights that are shipped: small, with a card, and worth asking."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import NotFound
from skerry.core.models.store import ModelStore
from skerry.ranking import load_ranker, shipped_weights
from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.neural import files
from skerry.ranking.neural.registry import MODELS

NAMES = tuple(name for name in MODELS if shipped_weights(name))
MOST = 2 * 1024 * 1024

PASSAGES = (
    "The Eiffel Tower was built by Gustave Eiffel for the world fair of 1889 in Paris.",
    "The river Seine flows through Paris and past many of the city's monuments.",
    "Gustave Eiffel also designed the frame of the Statue of Liberty.",
    "Penicillin was discovered by Alexander Fleming in 1928 in his laboratory in London.",
    "Antibiotics are prescribed against many infections caused by bacteria.",
    "Mount Everest is the highest mountain above sea level, in the Himalayas.",
    "Climbers of high mountains take oxygen with them in bottles.",
    "The Amazon rainforest has more species than any other forest on the planet.",
)
QUESTIONS = {
    "Who built the Eiffel Tower?": 0,
    "When did Alexander Fleming discover penicillin?": 3,
    "What is the highest mountain above the level of the sea?": 5,
    "Which forest has the most species?": 7,
}


def folder(name: str) -> Path:
    found = shipped_weights(name)
    assert found is not None
    return found


def test_which_are_shipped() -> None:
    assert set(NAMES) == {"drmm", "duet", "knrm", "pacrr", "tk"}
    sizes = [path.stat().st_size for name in NAMES for path in folder(name).iterdir()]
    assert sum(sizes) <= MOST


@pytest.mark.parametrize("name", NAMES)
def test_cards(name: str) -> None:
    names = {path.name for path in folder(name).iterdir()}
    assert names == {"README.md", files.CONFIG, files.WEIGHTS, "training.json"}
    card = (folder(name) / "README.md").read_text()
    for said in (f"skerry train ranker {name} ", "CC BY-SA 4.0", "glove-6b-50d", "hit@1", "seed 0"):
        assert said in card, said
    assert files.load_config(folder(name), name).base_model == "glove-6b-50d"


@pytest.fixture(scope="module")
def glove(models: ModelStore) -> ModelStore:
    """The user's store, with the word vectors in it, or a skip that says why."""
    try:
        models.resolve("glove-6b-50d")
    except NotFound as error:
        pytest.skip(str(error))
    return models


@pytest.mark.parametrize("name", NAMES)
def test_finds_what_answers(glove: ModelStore, name: str) -> None:
    ranker = load_ranker(name, glove)
    requests = [RankRequest(query, tuple(Candidate("", text) for text in PASSAGES)) for query in QUESTIONS]
    scores = ranker.score(requests, Deadline())
    right = [
        int(found.raw.argmax()) == place for found, place in zip(scores, QUESTIONS.values(), strict=True)
    ]
    assert sum(right) >= 3
    assert all((found.calibrated >= 0).all() and (found.calibrated <= 1).all() for found in scores)
