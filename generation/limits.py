"""What a request for an answer may hold; each check names the field and the allowed range."""

from __future__ import annotations

import math
from collections.abc import Sequence

from skerry.core.errors import InvalidInput

MAX_QUESTION_BYTES = 64 * 1024
MAX_STOPS = 16
MAX_STOP_CHARACTERS = 256


def _refuse(field: str, message: str, hint: str = "") -> InvalidInput:
    return InvalidInput(message, hint=hint, details={"field": field})


def check_question(question: str) -> None:
    """At least one visible character, at most 64 KiB of UTF-8, no lone surrogates."""
    if not question.strip():
        raise _refuse("question", "The question is empty.", "Ask something in words.")
    try:
        size = len(question.encode())
    except UnicodeEncodeError as error:
        raise _refuse("question", f"The question is not valid Unicode: {error.reason}.") from error
    if size > MAX_QUESTION_BYTES:
        raise _refuse(
            "question",
            f"The question has {size:,} bytes; at most {MAX_QUESTION_BYTES:,} are taken.",
            "Ask more briefly: documents belong in the index.",
        )


def check_whole(field: str, value: int, low: int, high: int) -> None:
    """An integer in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _refuse(field, f"{field} is {value!r}; it must be a whole number from {low} to {high}.")


def check_number(field: str, value: float, low: float, high: float) -> None:
    """A finite number in [low, high]."""
    if not math.isfinite(value) or not low <= value <= high:
        raise _refuse(field, f"{field} is {value!r}; it must be a number from {low:g} to {high:g}.")


def check_stops(stops: Sequence[str]) -> None:
    """At most 16 stop strings of 1 to 256 characters each."""
    if len(stops) > MAX_STOPS:
        raise _refuse("stop", f"{len(stops)} stop strings are given; at most {MAX_STOPS} are taken.")
    for stop in stops:
        if not 1 <= len(stop) <= MAX_STOP_CHARACTERS:
            raise _refuse(
                "stop", f"A stop string has {len(stop)} characters; 1 to {MAX_STOP_CHARACTERS} are taken."
            )


def check_decoding(max_tokens: int, temperature: float, seed: int, stops: Sequence[str]) -> None:
    """The knobs of decoding: tokens 1 to 4,096, temperature 0 to 2, a seed of 63 bits, stop strings."""
    check_whole("max_tokens", max_tokens, 1, 4096)
    check_number("temperature", temperature, 0.0, 2.0)
    check_whole("seed", seed, 0, 2**63 - 1)
    check_stops(stops)
