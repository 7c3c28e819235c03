"""Lists of numbers as options of a command: `--beams 5,15`."""

from __future__ import annotations

import math

from skerry.core.errors import InvalidInput


def whole_numbers(option: str, text: str, most: int) -> tuple[int, ...]:
    """The numbers in a list with commas, ascending, each once, from 1 to `most`. Raises `InvalidInput`."""
    try:
        numbers = sorted({int(part) for part in text.split(",")})
    except ValueError:
        numbers = []
    if not numbers or not 1 <= numbers[0] <= numbers[-1] <= most:
        raise InvalidInput(
            f"{option} {text!r} is not a list of whole numbers from 1 to {most}.",
            hint=f"Give for example {option} 5,15.",
        )
    return tuple(numbers)


def positive_numbers(option: str, text: str) -> tuple[float, ...]:
    """The numbers in a list with commas, ascending, each once, all above 0. Raises `InvalidInput`."""
    try:
        numbers = sorted({float(part) for part in text.split(",")})
    except ValueError:
        numbers = []
    if not numbers or not all(0 < number < math.inf for number in numbers):
        raise InvalidInput(
            f"{option} {text!r} is not a list of numbers above 0.", hint=f"Give for example {option} 0.5,1."
        )
    return tuple(numbers)
