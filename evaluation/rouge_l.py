"""ROUGE-L as KILT computes it: summary level, over sets of words, without normalisation.

KILT's numbers come from the package `rouge` 1.0.0, whose choices are kept because they change the score:
sentences end at every full stop and nowhere else; words are what single spaces separate; counts are of
distinct words; the words of one longest common subsequence of each pair of sentences are united over all
pairs; 1e-8 in the denominator makes a perfect score 0.999999995. Which subsequence, where several are
longest, is settled by walking back from both ends: the gold sentence is shortened only where that loses
nothing and shortening the other would.
"""

from __future__ import annotations

from collections.abc import Sequence

_EPSILON = 1e-8


def rouge_l(prediction: str, gold: str) -> float:
    """ROUGE-L's F of two texts, in [0, 1); 0 if either holds nothing but full stops."""
    predicted, expected = _sentences(prediction), _sentences(gold)
    if not predicted or not expected:
        return 0.0
    common: set[str] = set()
    for gold_words in expected:
        for words in predicted:
            common |= common_words(gold_words, words)
    recall = len(common) / len({word for words in expected for word in words})
    precision = len(common) / len({word for words in predicted for word in words})
    return 2.0 * (precision * recall / (precision + recall + _EPSILON))


def common_words(gold: Sequence[str], other: Sequence[str]) -> set[str]:
    """The distinct words of one longest common subsequence (see above for which)."""
    width = len(other) + 1
    lengths = [[0] * width]
    for word in gold:
        above, row = lengths[-1], [0]
        for column in range(1, width):
            if word == other[column - 1]:
                row.append(above[column - 1] + 1)
            else:
                row.append(max(above[column], row[column - 1]))
        lengths.append(row)
    found: set[str] = set()
    i, j = len(gold), len(other)
    while i and j:
        if gold[i - 1] == other[j - 1]:
            found.add(gold[i - 1])
            i, j = i - 1, j - 1
        elif lengths[i - 1][j] > lengths[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return found


def _sentences(text: str) -> list[list[str]]:
    """Words by sentence. A sentence of spaces only is one empty word, as in the package."""
    return [" ".join(part.split()).split(" ") for part in text.split(".") if part]
