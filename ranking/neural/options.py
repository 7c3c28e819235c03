"""A model's own sizes, from words to values."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from skerry.core.errors import InvalidInput
from skerry.ranking.neural.registry import MODELS


def model_options(name: str, given: Mapping[str, str]) -> dict[str, Any]:
    """The keywords of the model `name`, of the kinds that their defaults have; several values with commas.

    Raises:
        NotFound: no such model.
        InvalidInput: an option that the model does not have (lists those it has), or another kind of value.
    """
    parameters = inspect.signature(MODELS.load(name)).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    options: dict[str, Any] = {}
    for option, text in given.items():
        if option not in defaults:
            raise InvalidInput(
                f"The model {name!r} has no option {option!r}; it has {', '.join(defaults) or 'none'}.",
                details={"field": option},
            )
        default = defaults[option]
        try:
            if isinstance(default, tuple):
                # Lists, as they come back from a file.
                options[option] = [_value(part, default[0]) for part in text.split(",")]
            else:
                options[option] = _value(text, default)
        except ValueError as error:
            raise InvalidInput(
                f"{option} of the model {name!r} cannot be {text!r}: {error}.",
                hint=f"It is {default!r} by default.",
                details={"field": option},
            ) from error
    return options


def _value(text: str, default: object) -> bool | int | float:
    text = text.strip()
    if isinstance(default, bool):
        if text not in ("true", "false"):
            raise ValueError("it is true or false")
        return text == "true"
    if isinstance(default, int):
        if not text.isdecimal() or not int(text) <= 4096:
            raise ValueError("it is a whole number up to 4096")
        # Only what is 0 by default, and so left out, may be left out.
        if default and not int(text):
            raise ValueError("it is at least 1")
        return int(text)
    share = float(text)
    if not 0 < share <= 1:
        raise ValueError("it is above 0 and at most 1")
    return share
