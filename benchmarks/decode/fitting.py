"""Long prompts made to fit a model: RULER fills them up by the tokenizer of another one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence


def fitted(text: str, needed: Sequence[str], fits: Callable[[str], bool]) -> str | None:
    """The text without as many lines, evenly spread, as must go for it to fit; None where that is too few.

    Lines that stand there several times are noise and go first. Where there are none, lines with nothing in
    them that is needed do. The first line and the last, the instruction and the question, stay.

    Args:
        needed: what is to be found; lines with any of it stay.
        fits: asked of texts; where one fits, shorter ones do.
    """
    if fits(text):
        return text
    lines = text.split("\n")
    inner = range(1, len(lines) - 1)
    often = Counter(lines)
    spare = [at for at in inner if lines[at].strip() and not any(one in lines[at] for one in needed)]
    spare = [at for at in spare if often[lines[at]] > 1] or spare

    def without(count: int) -> str:
        gone = {spare[number * len(spare) // count] for number in range(count)}
        return "\n".join(line for at, line in enumerate(lines) if at not in gone)

    if not spare or not fits(without(len(spare))):
        return None
    enough, too_few = len(spare), 0
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        if fits(without(middle)):
            enough = middle
        else:
            too_few = middle
    return without(enough)
