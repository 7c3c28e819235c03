"""RULER's prompts (Hsieh et al. 2024, arXiv:2404.06654): needles, variables, questions in long texts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skerry.benchmarks.decode.answers import Method, Reading
from skerry.benchmarks.decode.contexts import Asked, Context
from skerry.benchmarks.decode.fitting import fitted
from skerry.core.errors import InvalidInput, NotFound
from skerry.core.progress import Task
from skerry.generation.model import LoadedModel

TASKS = {"qa_1": 32, "niah_multikey_2": 32, "vt": 30}
"""Tokens that an answer may have."""
_ANY = ("qa_1",)
"""Tasks of which one right answer is enough."""
_TAIL = 64
"""Tokens at a prompt's end that are read as its question."""


@dataclass(frozen=True, slots=True)
class Found:
    """Of one prompt under one method: the share of what was to be found, and -log p of it in nats."""

    task: str
    length: int
    method: str
    share: float
    nats: float
    tokens: int


def ruler(
    loaded: LoadedModel,
    folder: Path,
    length: int,
    methods: Sequence[Method],
    most: int,
    task: Task,
) -> Iterator[Found]:
    """The first `most` prompts of every task at a length (4096, 8192), made to fit the model (`fitting.py`).

    Raises:
        NotFound: there is no file TASK-LENGTH.jsonl.gz in the folder.
        InvalidInput: a line that is none of RULER's.
    """
    for name, tokens in TASKS.items():
        for context in _prompts(folder / f"{name}-{length}.jsonl.gz", loaded, most, tokens):
            [asked] = context.questions
            reading = Reading(loaded, context, len(asked.tail) + max(tokens, len(asked.answer)))
            question = reading.ask(asked)
            for method in methods:
                said = question.answer(method, tokens).casefold()
                hits = [output.casefold() in said for output in asked.outputs]
                share = float(any(hits)) if name in _ANY else sum(hits) / len(hits)
                nats = question.surprise(method)
                yield Found(name, length, method.name, share, nats, len(asked.answer))
            task.advance()


def _prompts(path: Path, loaded: LoadedModel, most: int, tokens: int) -> Iterator[Context]:
    if not path.is_file():
        raise NotFound(
            f"There is no file {path}.",
            hint="Give the folder of RULER's prompts: TASK-LENGTH.jsonl.gz.",
            details={"path": str(path)},
        )
    given = 0
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            context = _context(loaded, line, tokens, f"{path}:{number}")
            if context is None:
                continue
            yield context
            given += 1
            if given == most:
                return


def _context(loaded: LoadedModel, line: str, room: int, where: str) -> Context | None:
    """None where the prompt, with `room` for an answer, cannot be made to fit."""
    try:
        record: dict[str, Any] = json.loads(line)
        text, begin, outputs = record["input"], record["answer_prefix"], tuple(record["outputs"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"{where}: not a RULER prompt ({type(error).__name__}: {error}).",
            hint="A line is an object with input, answer_prefix and outputs.",
        ) from error
    tokenizer = loaded.tokenizer
    answer = tokenizer(f" {', '.join(dict.fromkeys(outputs))}", add_special_tokens=False).input_ids
    most = loaded.context - max(room, len(answer))

    def tokens_of(text: str) -> list[int]:
        if tokenizer.chat_template:
            text = tokenizer.apply_chat_template(
                [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True
            )
        tokens: list[int] = tokenizer(f"{text}{begin}", add_special_tokens=False).input_ids
        return tokens

    shortened = fitted(text, outputs, lambda one: len(tokens_of(one)) <= most)
    if shortened is None:
        return None
    prompt = tokens_of(shortened)
    asked = Asked(tuple(prompt[-_TAIL:]), tuple(answer), outputs)
    return Context(tuple(prompt[:-_TAIL]), (asked,))
