"""A server's rankers by name: how they are written, which are there, what is told of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, InvalidInput, NotFound
from skerry.core.models.store import ModelStore
from skerry.ranking.base import Ranker, RankRequest
from skerry.ranking.plan import RankPlan
from skerry.services.parts import Part
from skerry.services.rankers import Rankers, named_folder, named_rankers

from ..ranking.readers import NumberRanker, number_candidates  # noqa: TID252 -- another room's rankers


def missing() -> Ranker:
    raise NotFound("The model glove is not here.", hint="Pull it.")


def rankers(*there: str, lacks: str = "") -> Rankers:
    parts: dict[str, Part[Ranker]] = {lacks: Part(f"ranker {lacks}", missing)} if lacks else {}
    return Rankers(parts | {name: Part(name, lambda name=name: NumberRanker(name)) for name in there})


def test_the_first_is_the_default() -> None:
    made = rankers("drmm", "knrm")
    assert made.get("").name == made.get("drmm").name == "drmm"
    assert made.loaded() == (["drmm", "knrm"], "drmm")
    [ranked] = made.rank([RankRequest("q", number_candidates([1, 2]))], RankPlan("knrm"), Deadline())
    assert (ranked.reading.ranker, ranked.order.tolist()) == ("knrm", [1, 0])


def test_a_default_without_its_model() -> None:
    made = rankers("drmm", lacks="knrm")
    made.warm()
    assert made.loaded() == (["drmm"], "")
    assert made.chain("") is None and made.chain("drmm") is made
    with pytest.raises(
        BackendUnavailable, match="This server has no ranker knrm: The model glove is not here"
    ):
        made.get("")
    with pytest.raises(NotFound, match="ranks with 'knrm', 'drmm', not with 'duet'"):
        made.get("duet")


def test_what_is_written() -> None:
    assert named_folder("drmm") == ("drmm", None)
    assert named_folder(" drmm = a=b/c ") == ("drmm", Path("a=b/c"))
    made = named_rankers("cross-encoder, drmm=here", ModelStore())
    with pytest.raises(NotFound, match="'cross-encoder', 'drmm', not with 'knrm'"):
        made.get("knrm")
    for text in ("", "drmm,", "drmm,drmm=x", "=x"):
        with pytest.raises(InvalidInput, match="NAME or NAME=FOLDER"):
            named_rankers(text, ModelStore())
    with pytest.raises(NotFound, match="drmn"):
        named_rankers("drmn", ModelStore())
