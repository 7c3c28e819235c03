"""What the language model is asked: once for words of the passage that answers, once for its page's title."""

from __future__ import annotations


def body_prompt(question: str) -> str:
    """The prompt whose continuation is a stretch of the answering passage, starting with a space."""
    return f"Question: {_one_line(question)}\nPassage:"


def title_prompt(question: str) -> str:
    """The prompt whose continuation is the title of the answering page, starting with a space."""
    return f"Question: {_one_line(question)}\nTitle:"


def _one_line(question: str) -> str:
    return " ".join(question.split())
