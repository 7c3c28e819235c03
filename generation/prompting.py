"""The chat prompt in segments: the instruction, then sources, then the question, each tokenised on its own.

A source's tokens depend on nothing but the source: whole sources can be dropped to make the prompt fit, and
what the model made of one can be used in any other prompt. Special tokens come from the chat template only: a
passage or a question that spells `<|im_end|>` stays text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from skerry.core.errors import InvalidInput
from skerry.generation.base import Source

SYSTEM = "You answer questions with a few words copied from the given text."
OPENING = 'The answer is "'
"""The assistant's turn begins with these words, which are not part of the answer: a small model then goes on
with a few words of the text instead of a sentence of its own."""
ANSWER_ENDS = ('"', "\n")
"""What closes the quotation that the opening has begun."""

_SLOT = "\u241eprompt\u241e"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt's token ids, segment by segment.

    Attributes:
        prefix: what every prompt of the model begins with.
        passages: of the request's first sources, as many as the prompt holds. The best one, which is the
            request's first, stands last, before the question: a small model reads it best there.
        tail: the question and all that follows it.
    """

    prefix: tuple[int, ...]
    passages: tuple[tuple[int, ...], ...]
    tail: tuple[int, ...]

    @property
    def tokens(self) -> tuple[int, ...]:
        """All of them."""
        return (*self.prefix, *chain.from_iterable(self.passages), *self.tail)

    @property
    def sources(self) -> int:
        """How many of the request's sources, from the first on, the prompt holds."""
        return len(self.passages)


def source_text(source: Source) -> str:
    """One source as the model reads it."""
    return f"{source.title}: {source.text}\n\n"


def question_text(question: str) -> str:
    """What stands after the sources; repeating the instruction here made answers no better."""
    return f"Question: {' '.join(question.split())}"


class Prompting:
    """Prompts for one model.

    Args:
        tokenizer: a transformers tokenizer; without a chat template a plain text prompt is made.

    Attributes:
        prefix: the tokens that every prompt begins with.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        before, after = self._frame()
        self.prefix = tuple(self._encode(before, special=True))
        self._after = self._encode(after + OPENING, special=True)

    def _frame(self) -> tuple[str, str]:
        """The template's text before and after the user's message."""
        if not self._tokenizer.chat_template:
            return f"{SYSTEM}\n\n", "\n\n"
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": _SLOT}]
        text: str = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        before, _, after = text.partition(_SLOT)
        return before, after

    def _encode(self, text: str, special: bool = False) -> list[int]:
        ids: list[int] = self._tokenizer(
            text, add_special_tokens=False, split_special_tokens=not special, verbose=False
        ).input_ids
        return ids

    def passage(self, source: Source) -> tuple[int, ...]:
        """A source's tokens, in any prompt."""
        return tuple(self._encode(source_text(source)))

    def answer(self, text: str) -> tuple[int, ...]:
        """Tokens of an answer behind a prompt, with what ends it."""
        return tuple(self._encode(text + ANSWER_ENDS[0]))

    def fit(self, question: str, sources: Sequence[Source], room: int) -> Prompt:
        """The prompt with as many of the first sources as `room` tokens can hold.

        Raises:
            InvalidInput: no sources, or not even the first fits.
        """
        if not sources:
            raise InvalidInput("No sources are given.", hint="Retrieve first.", details={"field": "sources"})
        tail = self._encode(question_text(question)) + self._after
        passages: list[tuple[int, ...]] = []
        used = len(self.prefix) + len(tail)
        for source in sources:
            passage = self.passage(source)
            used += len(passage)
            if used > room:
                break
            passages.append(passage)
        if not passages:
            raise InvalidInput(
                f"The question and the first source do not fit in the {room:,} tokens left for the prompt.",
                hint="Ask more briefly, use shorter passages, or lower max_tokens.",
                details={"field": "sources", "room": str(room)},
            )
        return Prompt(self.prefix, tuple(reversed(passages)), tuple(tail))
