"""Keys' true log-probabilities: each sequence scored whole, under the prompt of its kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from skerry.core.deadline import Deadline
from skerry.retrieval.seal.decoding.key import Key
from skerry.retrieval.seal.prompts import body_prompt, title_prompt

if TYPE_CHECKING:
    from skerry.retrieval.seal.language_model.base import LanguageModel, State

MOST_TOKENS = 4096
"""Tokens of sequences scored in one call of the model."""


def rescore(
    model: LanguageModel,
    questions: Sequence[str],
    keys: Sequence[Sequence[Key]],
    *,
    deadline: Deadline | None = None,
    most_tokens: int = MOST_TOKENS,
) -> list[tuple[Key, ...]]:
    """The keys with the sum of their tokens' log-probabilities as the model gives them now.

    Titles are scored under the title prompt, all others under the body prompt. For keys that the same model
    decoded under these prompts nothing changes but rounding; it is of use for keys from elsewhere: another
    model, another prompt, the question itself.

    Args:
        model: the language model.
        questions: as the user put them.
        keys: of each question.
        deadline: checked between calls of the model.
        most_tokens: sequences' tokens in one call of the model: bounds its memory.

    Returns:
        Each question's keys in the order given.

    Raises:
        DeadlineExceeded, Cancelled: between calls of the model.
    """
    flat = [(2 * row + (key.kind == "title"), key) for row, of_one in enumerate(keys) for key in of_one]
    used = sorted({prompt for prompt, _ in flat})
    if not used:
        return [() for _ in keys]
    state = model.start([model.vocabulary.encode(_prompt(questions[n // 2], n % 2 == 1)) for n in used])
    row_of = {prompt: row for row, prompt in enumerate(used)}
    scores = sequence_scores(
        model,
        state,
        [row_of[prompt] for prompt, _ in flat],
        [key.tokens for _, key in flat],
        deadline=deadline,
        most_tokens=most_tokens,
    )
    scored = iter([replace(key, log_prob=score) for (_, key), score in zip(flat, scores, strict=True)])
    return [tuple(next(scored) for _ in of_one) for of_one in keys]


def sequence_scores(
    model: LanguageModel,
    state: State,
    rows: Sequence[int],
    sequences: Sequence[Sequence[int]],
    *,
    deadline: Deadline | None = None,
    most_tokens: int = MOST_TOKENS,
) -> list[float]:
    """Each sequence's log-probability after its row of `state`, in calls of at most `most_tokens` tokens.

    A sequence longer than that has a call of its own.
    """
    scores: list[float] = []
    start = 0
    ends = np.cumsum([len(sequence) for sequence in sequences], dtype=np.int64)
    while start < len(sequences):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + most_tokens, "right")))
        if deadline is not None:
            deadline.check("scoring n-grams")
        parts = model.sequence_log_probs(state, np.array(rows[start:stop], np.int64), sequences[start:stop])
        scores += [float(np.sum(part, dtype=np.float64)) for part in parts]
        start = stop
    return scores


def _prompt(question: str, title: bool) -> str:
    return title_prompt(question) if title else body_prompt(question)
