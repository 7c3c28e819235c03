"""When there is no answer, and the words that say why."""

from __future__ import annotations

import re
from collections.abc import Sequence

from skerry.core.words import find_words
from skerry.generation.base import Source

_UNKNOWN = re.compile(
    r"""
    ^(?:unknown|unanswerable|none|n/?a|no\ answer|nothing|unclear|not\ sure)\.?$
    | \b(?:do|does|did|can|could)(?:\ not|n't|not)\ (?:know|say|tell|mention|state|specify|provide
        |contain|give|answer|find|determine)\b
    | \b(?:is|are|was|were)(?:\ not|n't)\ (?:\w+\ )?(?:known|said|mentioned|stated|specified|provided|given
        |clear|available)\b
    | ^not\ (?:\w+\ )?(?:known|said|mentioned|stated|specified|provided|given|clear|available)\b
    | \b(?:cannot|can't)\ be\ (?:determined|answered|found)\b
    | \bno\ (?:information|mention|answer)\b
    | \bnot\ enough\ information\b
    """,
    re.VERBOSE,
)


def nothing_found() -> str:
    """The reason when retrieval gave no passage."""
    return "No passage was found for the question."


def nothing_read() -> str:
    """The reason when a least probability is asked for and the ranker had no time to read a passage."""
    return "There was no time to judge a passage, and a least probability is asked for."


def too_weak(best: float, minimum: float) -> str:
    """The reason when the best passage's probability of holding the answer is under the minimum, else ""."""
    if best >= minimum:
        return ""
    return (
        f"The best passage answers the question with probability {best:.3f}; "
        f"at least {minimum:.3f} is asked for."
    )


def judge(answer: str, sources: Sequence[Source]) -> str:
    """The reason when what the model said is no answer, else "".

    Nothing was said; the model says that it does not know; or not one word of meaning that it said stands
    in a source. A bare yes or no has no such word and passes.
    """
    if not any(character.isalnum() for character in answer):
        return "The model gave no answer."
    plain = " ".join(answer.casefold().replace("\u2019", "'").split())
    if _UNKNOWN.search(plain):
        return "The model says that the passages do not answer the question."
    said = {word.form for word in find_words(answer) if word.carries_meaning}
    if said and not any(said & {word.form for word in find_words(source.text)} for source in sources):
        return "No word of what the model said stands in the passages."
    return ""
