"""Pages of a list that is sorted by name: a token is the last name that was given."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_right
from collections.abc import Sequence

from skerry.core.errors import InvalidInput

_DEFAULT = 100
_MOST = 1000


def page(names: Sequence[str], size: int | None, token: str) -> tuple[Sequence[str], str]:
    """The names of one page, and the token of the next one ("" at the end).

    Raises:
        InvalidInput: a size outside 1 to 1,000, or a token that is none.
    """
    size = _DEFAULT if size is None else size
    if not 1 <= size <= _MOST:
        raise InvalidInput(
            f"page_size is {size}; it must be from 1 to {_MOST}.", details={"field": "page_size"}
        )
    try:
        last = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise InvalidInput("The page token is not one of ours.", details={"field": "page_token"}) from error
    start = bisect_right(names, last) if token else 0
    chosen = names[start : start + size]
    more = start + size < len(names)
    return chosen, base64.urlsafe_b64encode(chosen[-1].encode()).decode() if more else ""
