"""The chat prompt: the instruction, then sources, then the question, each tokenised on its own.

A source's tokens depend on nothing but the source and its number, so that whole sources can be dropped to
make the prompt fit. Special tokens come from the chat template only: a passage or a question that spells
`<|im_end|>` stays text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    """A prompt's token ids, and how many of the request's sources (from the first) it holds."""

    tokens: tuple[int, ...]
    sources: int


def source_text(number: int, source: Source) -> str:
    """One source as the model reads it; `number` counts from 1."""
    return f"[{number}] {source.title}: {source.text}\n\n"


def question_text(question: str) -> str:
    """What stands after the sources; repeating the instruction here made answers no better."""
    return f"Question: {' '.join(question.split())}"


class Prompting:
    """Prompts for one model.

    Args:
        tokenizer: a transformers tokenizer; without a chat template a plain text prompt is made.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        before, after = self._frame()
        self._before = self._encode(before, special=True)
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

    def fit(self, question: str, sources: Sequence[Source], room: int) -> Prompt:
        """The prompt with as many of the first sources as `room` tokens can hold.

        Raises:
            InvalidInput: no sources, or not even the first fits.
        """
        if not sources:
            raise InvalidInput("No sources are given.", hint="Retrieve first.", details={"field": "sources"})
        tail = self._encode(question_text(question)) + self._after
        tokens, used = list(self._before), 0
        for number, source in enumerate(sources, 1):
            more = self._encode(source_text(number, source))
            if len(tokens) + len(more) + len(tail) > room:
                break
            tokens += more
            used = number
        if used == 0:
            raise InvalidInput(
                f"The question and the first source do not fit in the {room:,} tokens left for the prompt.",
                hint="Ask more briefly, use shorter passages, or lower max_tokens.",
                details={"field": "sources", "room": str(room)},
            )
        return Prompt(tokens=(*tokens, *tail), sources=used)
