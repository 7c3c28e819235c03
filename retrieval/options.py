"""Checks of a leg's query-time options, shared by every leg."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skerry.core.errors import InvalidInput
from skerry.retrieval.base import Option


def check_option_names(leg: str, options: Mapping[str, Option], known: Mapping[str, str]) -> None:
    """Raise `InvalidInput` for an option that the leg does not have.

    Args:
        leg: the leg's name, for the message.
        options: what the caller asked for.
        known: option name -> what values it takes, in words.
    """
    for name in options:
        if name not in known:
            listed = "; ".join(f"{option} ({values})" for option, values in known.items())
            raise InvalidInput(
                f"The {leg} leg has no option {name!r}.",
                hint=f"It knows: {listed}." if listed else "It has no query-time options.",
                details={"leg": leg, "option": name},
            )


def integer_option(
    leg: str, options: Mapping[str, Option], name: str, *, default: int, low: int, high: int
) -> int:
    """The whole number given for option `name`, or `default`. Raises `InvalidInput` outside [low, high]."""
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidInput(
            f"{leg}.{name} must be a whole number from {low} to {high}; got {value!r}.",
            details={"leg": leg, "option": name},
        )
    return value


def number_option(
    leg: str, options: Mapping[str, Option], name: str, *, default: float, low: float, high: float
) -> float:
    """The number given for option `name`, or `default`. Raises `InvalidInput` outside [low, high]."""
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidInput(
            f"{leg}.{name} must be a number from {low:g} to {high:g}; got {value!r}.",
            details={"leg": leg, "option": name},
        )
    return float(value)


def flag_option(leg: str, options: Mapping[str, Option], name: str, *, default: bool) -> bool:
    """True or false as given for option `name`, or `default`. Raises `InvalidInput` for anything else."""
    value = options.get(name, default)
    if not isinstance(value, bool):
        raise InvalidInput(
            f"{leg}.{name} must be true or false; got {value!r}.", details={"leg": leg, "option": name}
        )
    return value


def choice_option(
    leg: str, options: Mapping[str, Option], name: str, *, default: str, choices: Sequence[str]
) -> str:
    """The word given for option `name`, or `default`. Raises `InvalidInput` unless it is one of `choices`."""
    value = options.get(name, default)
    if value not in choices:
        raise InvalidInput(
            f"{leg}.{name} must be one of {', '.join(choices)}; got {value!r}.",
            details={"leg": leg, "option": name},
        )
    return str(value)
