"""A sentence splitter whose offsets are exact: no character is moved, dropped or normalised."""

from __future__ import annotations

import re

from skerry.retrieval.corpus.abbreviations import BEFORE_NUMBERS, MAYBE_LAST, NEVER_LAST, STARTERS

# Possessive, and guarded against starting inside a run, so that no text makes the search quadratic.
_CANDIDATE = re.compile(
    r"(?<![.!?\u2026])(?P<stop>[.!?\u2026]++)(?P<close>(?:[\"'\u201d\u2019\u00bb)\]}]|\[\d{1,3}\])*+)"
    r"(?P<space>\s++)(?=\S)"
    r"|(?P<wide>[\u3002\uff01\uff1f\uff61]++[\u300d\u300f\u201d\u2019\uff09\u3011]*+)(?P<wide_space>\s*+)(?=\S)"
    r"|(?<![^\S\n])(?P<blank>[^\S\n]*+\n[^\S\n]*+\n\s*+)(?=\S)"
)
_BEFORE = re.compile(r"[^\s(\[\"'\u201c\u2018\u00ab/\u2013\u2014]+$")
_NEXT_WORD = re.compile(r"[\"'\u201c\u2018\u00ab(\[\u2014\u2013-]*\s*(\w[\w'\u2019-]*|\S)")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_ROMAN = re.compile(r"[IVXLC]+")
_LONGEST_TOKEN = 24


def split_sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) characters of every sentence, ascending.

    The spans do not overlap, neither start nor end with white space, and together hold every other character.
    A blank line always ends a sentence; a single line break counts as a space.
    """
    spans: list[tuple[int, int]] = []
    start = len(text) - len(text.lstrip())
    for match in _CANDIDATE.finditer(text, start):
        if match["stop"] is not None:
            end, resume = match.start("space"), match.end("space")
            if "\n" in match["space"] and match["space"].count("\n") > 1:
                ends = True
            else:
                ends = _ends_sentence(text, start, match)
        elif match["wide"] is not None:
            end, resume, ends = match.start("wide_space"), match.end("wide_space"), True
        else:
            end, resume, ends = match.start("blank"), match.end("blank"), True
        if ends and end > start:
            spans.append((start, end))
            start = resume
    end = len(text.rstrip())
    if start < end:
        spans.append((start, end))
    return spans


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether the stop mark in `match` ends the sentence that began at `start`."""
    following = _NEXT_WORD.match(text, match.end())
    word, after = (following[1], text[following.end(1) : following.end(1) + 1]) if following else ("", "")
    if word[:1].islower():
        return False
    if match["stop"] != ".":
        return True
    window = max(start, match.start() - _LONGEST_TOKEN)
    before = _BEFORE.search(text[window : match.start()])
    token = before[0] if before else ""
    lowered = token.lower()
    if lowered in BEFORE_NUMBERS:
        return not (word[:1].isdigit() or _ROMAN.fullmatch(word))
    if lowered in NEVER_LAST:
        return False
    if lowered in MAYBE_LAST or (_INITIALS.fullmatch(token) and not match["close"]):
        # A lone "A" before a full stop is one more initial, not an article.
        return word.lower() in STARTERS and not (len(word) == 1 and after == ".")
    # "1. Melt the butter": a number that opens the sentence is the number of an item, not a sentence.
    return not (token.isdigit() and not text[start : match.start() - len(token)].strip())
