"""From questions to keys: prompts, batches of bounded size, and the search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.retrieval.seal.decoding.key import Decoded, Decoding
from skerry.retrieval.seal.decoding.options import DecodingOptions
from skerry.retrieval.seal.decoding.profile import Profile
from skerry.retrieval.seal.decoding.search import search
from skerry.retrieval.seal.decoding.substring_index import SubstringIndex
from skerry.retrieval.seal.prompts import body_prompt, title_prompt

if TYPE_CHECKING:
    from skerry.retrieval.seal.language_model.base import LanguageModel

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
    """The corpus's n-grams and titles that the model would say to each question.

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
    profile = Profile()
    decoded: list[Decoded] = []
    with profile.whole():
        prompts = [question_prompts(model, question, options) for question in questions]
        chunk = max(1, most_rows // (options.beams * (2 if options.titles else 1)))
        for start in range(0, len(prompts), chunk):
            if deadline is not None:
                deadline.check("generating n-grams of the corpus")
            decoded += search(model, index, prompts[start : start + chunk], options, profile, deadline)
    return Decoding(tuple(decoded), profile)


def question_prompts(
    model: LanguageModel, question: str, options: DecodingOptions
) -> tuple[list[int], list[int]]:
    """Body and title prompt of a question as token ids.

    Raises:
        InvalidInput: one that leaves the model's context no room for what is to be generated.
    """
    body = model.vocabulary.encode(body_prompt(question))
    title = model.vocabulary.encode(title_prompt(question)) if options.titles else []
    needed = max(len(body) + options.length, len(title) + options.title_length if options.titles else 0)
    if needed > model.context:
        raise InvalidInput(
            f"The question is {len(body)} tokens long with its prompt; with what is generated that makes "
            f"{needed}, and the language model reads {model.context}.",
            hint="Ask a shorter question.",
            details={"field": "query", "tokens": str(len(body)), "context": str(model.context)},
        )
    return body, title
