"""From questions to keys: prompts, batches of bounded size, and the search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.retrieval.seal.decoding.key import Decoded, Decoding, Key
from skerry.retrieval.seal.decoding.options import DecodingOptions
from skerry.retrieval.seal.decoding.profile import Profile
from skerry.retrieval.seal.decoding.rescore import sequence_scores
from skerry.retrieval.seal.decoding.search import search
from skerry.retrieval.seal.decoding.substring_index import SubstringIndex
from skerry.retrieval.seal.prompts import body_prompt, title_prompt
from skerry.retrieval.seal.query_keys import occurring, query_ngrams

if TYPE_CHECKING:
    from skerry.retrieval.seal.language_model.base import LanguageModel, State

MOST_ROWS = 240
"""Hypotheses in a batch: 240 rows of 49,152 logits are 47 MB; 8 questions at 15 beams and both passes."""


def decode(
    model: LanguageModel,
    index: SubstringIndex,
    questions: Sequence[str],
    options: DecodingOptions | None = None,
    *,
    deadline: Deadline | None = None,
    most_rows: int = MOST_ROWS,
) -> Decoding:
    """The corpus's n-grams and titles that the model would say to each question, and the question's own.

    Log-probabilities are the model's own: taken before masking, not renormalised, no length penalty.
    Questions decoded together give what they give alone, up to the rounding of the model's batched products.

    Args:
        model: the language model, of the index's own vocabulary.
        index: the corpus.
        questions: as the user put them.
        options: beams, lengths, diversity; None for the defaults.
        deadline: checked between steps.
        most_rows: hypotheses in one batch: questions beyond it wait for the next. One question always goes.

    Raises:
        InvalidInput: a question too long for the model's context, or `most_rows` below 1.
        DeadlineExceeded, Cancelled: between steps.
    """
    options = DecodingOptions() if options is None else options
    if most_rows < 1:
        raise InvalidInput(f"most_rows must be 1 or more; got {most_rows}.", details={"option": "most_rows"})
    passes = 2 if options.titles else 1
    chunk = max(1, most_rows // (options.beams * passes))
    profile = Profile()
    decoded: list[Decoded] = []
    with profile.whole():
        prompts = [question_prompts(model, question, options) for question in questions]
        for start in range(0, len(prompts), chunk):
            if deadline is not None:
                deadline.check("generating n-grams of the corpus")
            stop = min(start + chunk, len(prompts))
            with profile.in_language_model(passes * (stop - start)):
                state = model.start([prompt for pair in prompts[start:stop] for prompt in pair])
            query = _query_keys(model, index, questions[start:stop], state, options, profile, deadline)
            found = search(model, index, state, options, profile, deadline)
            decoded += [
                Decoded(body, titles, own, np.array(state.log_probs[passes * row]))
                for row, ((body, titles), own) in enumerate(zip(found, query, strict=True))
            ]
    return Decoding(tuple(decoded), profile)


def _query_keys(
    model: LanguageModel,
    index: SubstringIndex,
    questions: Sequence[str],
    state: State,
    options: DecodingOptions,
    profile: Profile,
    deadline: Deadline | None,
) -> list[tuple[Key, ...]]:
    """N-grams of the questions, scored after their body prompts in `state`."""
    if not options.query_keys:
        return [() for _ in questions]
    ngrams = [query_ngrams(model.vocabulary, question) for question in questions]
    with profile.in_index():
        spans = [occurring(index, of_one, options.query_keys) for of_one in ngrams]
    passes = len(state.log_probs) // len(questions)
    rows = [passes * number for number, of_one in enumerate(spans) for _ in of_one]
    sequences = [tokens for of_one in spans for tokens, _ in of_one]
    if not sequences:
        return [() for _ in spans]
    with profile.in_language_model(sum(map(len, sequences))):
        scores = iter(sequence_scores(model, state, rows, sequences, deadline=deadline))
    keys = [
        [Key(tokens, next(scores), low, high, "query") for tokens, (low, high) in of_one] for of_one in spans
    ]
    return [tuple(key for key in of_one if np.isfinite(key.log_prob)) for of_one in keys]


def question_prompts(model: LanguageModel, question: str, options: DecodingOptions) -> list[list[int]]:
    """The prompts of a question as token ids: for the body, and for the title where titles are wanted.

    Raises:
        InvalidInput: one that leaves the model's context no room for what is to be generated.
    """
    encode = model.vocabulary.encode
    body = encode(body_prompt(question))
    prompts, needed = [body], len(body) + options.length
    if options.titles:
        prompts.append(encode(title_prompt(question)))
        needed = max(needed, len(prompts[1]) + options.title_length)
    if needed > model.context:
        raise InvalidInput(
            f"The question is {len(body)} tokens long with its prompt; with what is generated that makes "
            f"{needed}, and the language model reads {model.context}.",
            hint="Ask a shorter question.",
            details={"field": "query", "tokens": str(len(body)), "context": str(model.context)},
        )
    return prompts
