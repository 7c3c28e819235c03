"""From a leg's name and a few settings to the leg with all its parameters."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping

from skerry.core.errors import InvalidInput
from skerry.retrieval.base import Option
from skerry.retrieval.index.leg import LEGS, Leg


def leg_parameters(name: str, settings: Mapping[str, Option]) -> dict[str, Option]:
    """Every parameter of the leg `name`, its defaults included.

    Raises:
        NotFound: no such leg.
        InvalidInput: a parameter that the leg does not have.
    """
    known = {
        parameter.name: parameter.default
        for parameter in inspect.signature(LEGS.load(name)).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    for setting in settings:
        if setting not in known:
            near = difflib.get_close_matches(setting, known, n=1)
            raise InvalidInput(
                f"The leg {name!r} has no parameter {setting!r}; "
                f"known: {', '.join(sorted(known)) or 'none'}.",
                hint=f"Did you mean {near[0]!r}?" if near else "",
                details={"leg": name, "field": setting},
            )
    return {**known, **settings}


def configured_leg(name: str, settings: Mapping[str, Option]) -> Leg:
    """The leg `name` with `settings`, and the defaults for the rest.

    Raises:
        NotFound: no such leg.
        InvalidInput: an unknown parameter, or a value that the leg refuses.
    """
    # mypy cannot know the constructor of a class that is chosen by name.
    kind: type[Leg] = LEGS.load(name)
    return kind(**leg_parameters(name, settings))
