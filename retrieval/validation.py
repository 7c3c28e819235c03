"""What a retrieval request must be before any leg sees it: each error names the field, limit and value."""

from __future__ import annotations

import math

from skerry.core.errors import InvalidInput, NotFound
from skerry.retrieval.base import LegRequest, RetrievalRequest
from skerry.retrieval.fusion import FUSIONS
from skerry.retrieval.fusion.learned import LEARNED
from skerry.retrieval.index.leg import LEGS

MAX_QUERY_BYTES = 64 * 1024
MAX_LIMIT = 10_000


def check_request(request: RetrievalRequest) -> None:
    """Raise for a request that cannot be answered by any index.

    Raises:
        InvalidInput: an empty, too long or undecodable query; no legs, or one twice; a limit, a weight or an
            option that cannot be.
        NotFound: an unknown leg or fusion.
    """
    check_query(request.query)
    _check_limit("limit", request.limit)
    if not request.legs:
        raise InvalidInput(
            "The request names no legs.",
            hint=f"Choose at least one of {', '.join(LEGS)}.",
            details={"field": "legs"},
        )
    names = [leg.name for leg in request.legs]
    for leg in request.legs:
        _check_leg(leg)
        if names.count(leg.name) > 1:
            raise InvalidInput(f"The leg {leg.name!r} is asked for twice.", details={"field": "legs"})
    if not any(leg.weight > 0 for leg in request.legs):
        raise InvalidInput("Every leg's weight is 0.", details={"field": "weight"})
    check_fusion(request.fusion)


def check_fusion(name: str) -> None:
    """Raise `NotFound`, which lists those there are, unless a request's fusion can be called so."""
    if name not in FUSIONS and name != LEARNED:
        raise NotFound(
            f"There is no fusion named {name!r}; known: {', '.join((*FUSIONS, LEARNED))}.",
            details={"kind": "fusion", "name": name},
        )


def check_query(query: str) -> None:
    """Raise `InvalidInput` unless the query is text of 1 to 65,536 UTF-8 bytes that is not blank."""
    if not isinstance(query, str):
        raise InvalidInput(f"The query must be text; got {type(query).__name__}.", details={"field": "query"})
    # A character is at least one byte: what is too long in characters need not be encoded to be refused.
    if len(query) > MAX_QUERY_BYTES:
        raise _too_long(f"{len(query)} characters")
    try:
        size = len(query.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"The query is not valid Unicode: character {error.start} is {query[error.start]!r}.",
            hint="Send it as UTF-8.",
            details={"field": "query"},
        ) from error
    if size > MAX_QUERY_BYTES:
        raise _too_long(f"{size} bytes")
    if not query.strip():
        raise InvalidInput("The query is empty.", hint="Ask something.", details={"field": "query"})


def _too_long(size: str) -> InvalidInput:
    return InvalidInput(
        f"The query has {size}; the limit is {MAX_QUERY_BYTES} bytes.",
        hint="Shorten it.",
        details={"field": "query"},
    )


def _check_leg(leg: LegRequest) -> None:
    LEGS.check(leg.name)
    _check_limit(f"{leg.name}.limit", leg.limit)
    weight = leg.weight
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
        raise InvalidInput(
            f"{leg.name}.weight must be a number; got {weight!r}.", details={"field": "weight"}
        )
    if weight < 0:
        raise InvalidInput(
            f"{leg.name}.weight must be at least 0; got {weight}.", details={"field": "weight"}
        )
    for option, value in leg.options.items():
        if not isinstance(value, str | int | float) or value != value:
            raise InvalidInput(
                f"{leg.name}.{option} must be a word, a number, true or false; got {value!r}.",
                details={"leg": leg.name, "option": str(option)},
            )


def _check_limit(field: str, limit: int) -> None:
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(
            f"{field} must be a whole number from 1 to {MAX_LIMIT}; got {limit!r}.",
            details={"field": field},
        )
