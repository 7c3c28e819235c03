"""The knobs of constrained decoding."""

from __future__ import annotations

import math
from dataclasses import dataclass

from skerry.core.errors import InvalidInput

MOST_BEAMS = 100
LONGEST = 64
MOST_QUERY_KEYS = 1000


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """How the language model is searched.

    Args:
        beams: hypotheses kept a step, in each of the two passes; 1 to 100.
        length: tokens of the longest body n-gram; 1 to 64.
        title_length: most tokens of a title, with the one that ends it; 2 to 64.
        titles: also generate titles.
        groups: beams are searched in this many groups that avoid each other's tokens (diverse beam search);
            divides `beams`. 1 is plain beam search.
        diversity: what each choice of a token by an earlier group takes from its log-probability, in nats;
            0 or more.
        query_keys: most n-grams of the question itself that become keys; 0 to 1000.

    Raises:
        InvalidInput: a value outside its bounds.
    """

    beams: int = 15
    length: int = 10
    title_length: int = 15
    titles: bool = True
    groups: int = 1
    diversity: float = 0.5
    query_keys: int = 200

    def __post_init__(self) -> None:
        _check_integer("beams", self.beams, 1, MOST_BEAMS)
        _check_integer("length", self.length, 1, LONGEST)
        _check_integer("title_length", self.title_length, 2, LONGEST)
        _check_integer("groups", self.groups, 1, self.beams)
        _check_integer("query_keys", self.query_keys, 0, MOST_QUERY_KEYS)
        if self.beams % self.groups:
            raise InvalidInput(
                f"{self.beams} beams cannot be split into {self.groups} equal groups.",
                hint="Choose a number of groups that divides the number of beams.",
                details={"option": "groups"},
            )
        if isinstance(self.diversity, bool) or not isinstance(self.diversity, int | float):
            raise _bad("diversity", self.diversity, "a number of nats, 0 or more")
        if not 0 <= self.diversity < math.inf:
            raise _bad("diversity", self.diversity, "a number of nats, 0 or more")


def _check_integer(name: str, value: int, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _bad(name, value, f"a whole number from {low} to {high}")


def _bad(name: str, value: object, wanted: str) -> InvalidInput:
    return InvalidInput(f"{name} must be {wanted}; got {value!r}.", details={"option": name})
