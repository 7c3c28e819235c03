"""The demo's questions, and their gold paragraphs found again in the running Python's text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import zip_longest
from typing import Any

from skerry.retrieval.corpus.markup import content_span, is_heading
from skerry.retrieval.corpus.records import Page

_STRAIGHT = str.maketrans("‘’“”", "''\"\"")


@dataclass(frozen=True, slots=True)
class Gold:
    """A paragraph that answers a question.

    Attributes:
        topic: the page's id.
        locator: a few words of the paragraph, by which it is found in another version of the text.
        paragraph: its number in the page on Python 3.11.
    """

    topic: str
    locator: str
    paragraph: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question about the text; every answer and every gold paragraph is right by itself."""

    id: str
    input: str
    answers: tuple[str, ...]
    gold: tuple[Gold, ...]


@dataclass(frozen=True, slots=True)
class GoldLines:
    """Questions as KILT's gold lines, and one message for every question that this text cannot answer."""

    lines: tuple[dict[str, Any], ...]
    left_out: tuple[str, ...]


def load_questions() -> tuple[Question, ...]:
    """The questions that come with the package."""
    text = files("skerry.services.demo").joinpath("questions.jsonl").read_text("utf-8")
    return tuple(_question(json.loads(line)) for line in text.splitlines())


def gold_lines(questions: Iterable[Question], pages: Iterable[Page]) -> GoldLines:
    """Find every question's gold paragraphs in `pages`.

    A paragraph that stands word for word in another page too (the reference repeats whole sections) is gold
    there as well: each place is an evidence set of its own, so that either is right.
    """
    by_id = {page.id: page for page in pages}
    places: dict[str, list[tuple[Page, int]]] = {}
    for page in by_id.values():
        for number, text in _paragraphs(page):
            places.setdefault(_plain(text), []).append((page, number))
    lines: list[dict[str, Any]] = []
    left_out: list[str] = []
    for question in questions:
        found: dict[tuple[str, int], dict[str, Any]] = {}
        for gold in question.gold:
            for text in _containing(by_id.get(gold.topic), gold.locator):
                for page, number in places[_plain(text)]:
                    found.setdefault((page.id, number), _provenance(page, number))
        if found:
            lines.append(_line(question, list(found.values())))
        else:
            left_out.append(
                f"{question.id} is left out: no paragraph of "
                + ", ".join(f"{gold.topic!r} has {gold.locator!r}" for gold in question.gold)
                + " in this Python's text."
            )
    return GoldLines(tuple(lines), tuple(left_out))


def _question(record: dict[str, Any]) -> Question:
    gold = tuple(Gold(item["topic"], item["locator"], item["paragraph"]) for item in record["gold"])
    return Question(record["id"], record["input"], tuple(record["answers"]), gold)


def _paragraphs(page: Page) -> Iterator[tuple[int, str]]:
    """(number, text) of the page's paragraphs, without the title and the headings."""
    for number, text in enumerate(page.paragraphs):
        if number and not is_heading(text):
            yield number, text


def _containing(page: Page | None, locator: str) -> Iterator[str]:
    if page is not None:
        wanted = _plain(locator)
        yield from (text for _, text in _paragraphs(page) if wanted in _plain(text))


def _plain(text: str) -> str:
    """Without the differences that versions of the text have in quotes, spaces and case."""
    return re.sub(r"\s+", " ", text.translate(_STRAIGHT)).strip().casefold()


def _provenance(page: Page, number: int) -> dict[str, Any]:
    start, end = content_span(page.paragraphs[number])
    return {
        "wikipedia_id": page.id,
        "title": page.title,
        "start_paragraph_id": number,
        "end_paragraph_id": number,
        "start_character": start,
        "end_character": end,
    }


def _line(question: Question, provenance: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A KILT gold line: output n has answer n and evidence set n, while there are any."""
    output: list[dict[str, Any]] = []
    for answer, place in zip_longest(question.answers, provenance):
        output.append({"answer": answer} if answer is not None else {})
        if place is not None:
            output[-1]["provenance"] = [place]
    return {"id": question.id, "input": question.input, "output": output}
