"""What EM, F1, ROUGE-L and accuracy share: gold answers, SQuAD's normalisation, the best over golds."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Collection, Iterable

from skerry.evaluation.gold import Output

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def gold_answers(outputs: Iterable[Output]) -> frozenset[str]:
    """The distinct answers of a gold question, stripped; blank ones are none."""
    return frozenset(output.answer.strip() for output in outputs if output.answer and output.answer.strip())


def normalise(answer: str) -> str:
    """SQuAD's form: lower case, without ASCII punctuation, the articles a, an and the, and extra spaces."""
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_NO_PUNCTUATION)).split())


def best(metric: Callable[[str, str], float], prediction: str, golds: Collection[str]) -> float:
    """The highest `metric(prediction, gold)` over at least one gold."""
    return max(metric(prediction, gold) for gold in golds)
