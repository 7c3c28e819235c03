"""A Redis URL as it may be shown."""

from __future__ import annotations

import re


def without_password(url: str) -> str:
    """The URL with dots for the user and the password."""
    return re.sub(r"//.*@", "//...@", re.sub(r"(password=)[^&]*", r"\1...", url))
