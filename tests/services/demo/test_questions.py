"""The demo's question set: right on the Python it was written for, and found again on others."""

from __future__ import annotations

import re
import string
import sys
from collections import Counter
from pathlib import Path

import pytest

from skerry.retrieval.corpus.readers import open_corpus
from skerry.retrieval.corpus.records import Page
from skerry.services.demo.questions import Question, gold_lines, load_questions


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    return {page.id: page for page in open_corpus(Path("pydoc"), "pydoc")}


@pytest.fixture(scope="module")
def questions() -> tuple[Question, ...]:
    return load_questions()


def normalised(text: str) -> str:
    """SQuAD's normalisation: lower case, no punctuation, no articles, single spaces."""
    text = "".join(sign for sign in text.lower() if sign not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def test_enough_questions_each_asked_once(questions: tuple[Question, ...]) -> None:
    assert len(questions) >= 120
    assert max(Counter(question.id for question in questions).values()) == 1
    assert max(Counter(normalised(question.input) for question in questions).values()) == 1
    assert len({question.gold[0].topic for question in questions}) >= 55
    for question in questions:
        assert question.input.endswith("?")
        assert question.answers
        assert all(normalised(answer) for answer in question.answers), question
        assert all(len(answer.split()) <= 12 for answer in question.answers), question
        assert all(0 < len(gold.locator.split()) <= 8 for gold in question.gold), question


def test_answers_stand_in_the_gold_paragraphs(
    questions: tuple[Question, ...], pages: dict[str, Page]
) -> None:
    """On other Pythons the text may have changed here and there."""
    lines = gold_lines(questions, pages.values()).lines
    literal = 0
    for line in lines:
        wanted = [normalised(output["answer"]) for output in line["output"] if "answer" in output]
        texts = []
        for output in line["output"]:
            for place in output.get("provenance", ()):
                paragraph = pages[place["wikipedia_id"]].paragraphs[place["start_paragraph_id"]]
                assert 0 <= place["start_character"] < place["end_character"] <= len(paragraph)
                assert place["title"] == pages[place["wikipedia_id"]].title
                texts.append(f" {normalised(paragraph)} ")
        assert texts
        literal += any(answer in text for answer in wanted for text in texts)
    assert literal >= 0.9 * len(lines)


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="paragraph numbers are those of Python 3.11")
def test_everything_is_found_on_python_3_11(questions: tuple[Question, ...], pages: dict[str, Page]) -> None:
    resolved = gold_lines(questions, pages.values())
    assert resolved.left_out == ()
    assert len(resolved.lines) == len(questions)
    for question, line in zip(questions, resolved.lines, strict=True):
        places = {
            (place["wikipedia_id"], place["start_paragraph_id"])
            for output in line["output"]
            for place in output.get("provenance", ())
        }
        assert {(gold.topic, gold.paragraph) for gold in question.gold} <= places, question


def test_most_is_found_on_any_python(questions: tuple[Question, ...], pages: dict[str, Page]) -> None:
    assert len(gold_lines(questions, pages.values()).lines) >= 0.8 * len(questions)


def test_a_question_that_the_text_cannot_answer_is_left_out_with_a_message(
    questions: tuple[Question, ...],
) -> None:
    page = Page("other", "Other", ("Other", "Nothing of the kind."))
    resolved = gold_lines(questions[:2], [page])
    assert resolved.lines == ()
    assert len(resolved.left_out) == 2
    assert questions[0].id in resolved.left_out[0]


def test_a_repeated_paragraph_is_gold_wherever_it_stands(
    questions: tuple[Question, ...], pages: dict[str, Page]
) -> None:
    question = next(question for question in questions if question.gold[0].topic == "if")
    (line,) = gold_lines([question], pages.values()).lines
    found = {place["wikipedia_id"] for output in line["output"] for place in output.get("provenance", ())}
    assert found == {"if", "else", "compound"}
