"""Sources without their title's words."""

from __future__ import annotations

from random import Random

import pytest

from skerry.retrieval.corpusbrain.pretraining.disguise import PLAIN, Disguise, without_title


@pytest.mark.parametrize(
    ("source", "title", "bare"),
    [
        ("The New York City Opera sings.", "New York City", "The Opera sings."),
        ("NEW YORK's towers, newly built", "New York", "towers, newly built"),
        ("The end of the war of words", "The War of Words", "The end of the of"),
        ("Nothing   of\nthe kind", "", "Nothing of the kind"),
        ("Ångström und mehr", "ångström", "und mehr"),
        ("C++ and C", "C++", "++ and"),
    ],
)
def test_without_title(source: str, title: str, bare: str) -> None:
    assert without_title(source, title) == bare


def test_a_short_text_keeps_its_title() -> None:
    always = Disguise(mask=1.0)
    assert always.put_on("Seals rest on reefs", "Seals", Random(0)) == "Seals rest on reefs"
    assert always.put_on("Seals often rest on reefs", "Seals", Random(0)) == "often rest on reefs"


def test_how_often() -> None:
    random = Random(0)
    worn = [Disguise(0.3, 0.6).put_on("The Seals often rest here", "Seals", random) for _ in range(2000)]
    assert 500 < sum("seals" not in text.lower() for text in worn) < 700
    assert 1100 < sum(text.islower() for text in worn) < 1300
    assert PLAIN.put_on("The Seals often  rest", "Seals", random) == "The Seals often  rest"
