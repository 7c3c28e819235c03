"""Long contexts with several questions each: paragraphs that hold the answers among others that do not."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skerry.core.errors import InvalidInput
from skerry.evaluation.gold import Record, read_gold
from skerry.generation.base import Source
from skerry.generation.prompting import Prompting
from skerry.retrieval.corpus.readers.kilt import KiltReader

_ROOM = 192
"""Tokens that a question with its answer may take of a context's length."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on a context.

    Attributes:
        tail: tokens that follow the context, the begin of the model's turn with them.
        answer: tokens of the gold answer, the quotation mark that ends it with them.
        outputs: gold answers as text.
    """

    tail: tuple[int, ...]
    answer: tuple[int, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """Tokens that are read once, and the questions on them."""

    tokens: tuple[int, ...]
    questions: tuple[Asked, ...]


def squad_contexts(
    corpus: Path, gold: Path, tokenizer: Any, *, size: int, contexts: int, questions: int, seed: int
) -> Iterator[Context]:
    """Contexts of at most `size` tokens, questions and answers with them.

    The paragraphs of `questions` questions of the gold file, each another paragraph, stand among
    paragraphs of the corpus, all in random order: the same for the same seed.

    Raises:
        InvalidInput: the gold file has too few questions whose paragraph is in the corpus and not too long.
    """
    pages = {page.id: page for page in KiltReader(corpus)}
    paragraphs = [(page.id, number) for page in pages.values() for number in range(1, len(page.paragraphs))]
    asked: dict[tuple[str, int], Record] = {}
    for record in read_gold(gold):
        asked.setdefault(_where(record), record)
    usable = sorted((where, record) for where, record in asked.items() if where[0] in pages)
    prompting = Prompting(tokenizer)
    if len(usable) < contexts * questions:
        raise InvalidInput(
            f"{gold} has questions on {len(usable)} paragraphs; {contexts * questions} are asked for.",
            hint="Ask for fewer contexts or questions.",
        )
    draw = random.Random(seed)
    chosen = draw.sample(range(len(usable)), contexts * questions)
    for start in range(0, len(chosen), questions):
        held = [usable[number] for number in chosen[start : start + questions]]
        yield _context(held, pages, paragraphs, prompting, tokenizer, size, draw)


def _where(record: Record) -> tuple[str, int]:
    provenance = record.outputs[0].provenance if record.outputs else None
    if not provenance:
        raise InvalidInput(f"{record.where}: the question has no provenance.")
    return str(provenance[0]["wikipedia_id"]), int(provenance[0]["start_paragraph_id"])


def _context(
    held: Sequence[tuple[tuple[str, int], Record]],
    pages: dict[str, Any],
    paragraphs: Sequence[tuple[str, int]],
    prompting: Prompting,
    tokenizer: Any,
    size: int,
    draw: random.Random,
) -> Context:
    passages: dict[tuple[str, int], tuple[int, ...]] = {}
    used = len(prompting.prefix) + _ROOM
    wanted = [where for where, _ in held]
    while True:
        where = wanted.pop() if wanted else paragraphs[draw.randrange(len(paragraphs))]
        if where in passages:
            continue
        page = pages[where[0]]
        passage = prompting.passage(Source(f"{where}", page.title, page.paragraphs[where[1]]))
        if used + len(passage) > size:
            if len(passages) < len(held):
                raise InvalidInput(
                    f"The paragraphs of {len(held)} questions do not fit in {size} tokens.",
                    hint="Ask for longer contexts or fewer questions each.",
                )
            break
        passages[where] = passage
        used += len(passage)
    order = list(passages.values())
    draw.shuffle(order)
    return Context(
        (*prompting.prefix, *(token for passage in order for token in passage)),
        tuple(_ask(record, prompting, tokenizer) for _, record in held),
    )


def _ask(record: Record, prompting: Prompting, tokenizer: Any) -> Asked:
    outputs = tuple(output.answer for output in record.outputs if output.answer)
    answer = tokenizer(f'{outputs[0]}"', add_special_tokens=False).input_ids
    return Asked(prompting.fit(record.input, [Source("", "", "-")], 4096).tail, tuple(answer), outputs)
