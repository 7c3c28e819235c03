"""How the demo looks on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from skerry.generation.answer import References
from skerry.generation.base import Delta, Event

_AROUND = 60
_STAGES = ("retrieve.bm25", "retrieve.dense", "retrieve.fusion", "retrieve", "rank", "generate", "total")


class Screen:
    """Prints to stdout; a table that is piped on is not folded to a narrow width."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        if not self.console.is_terminal:
            self.console = Console(highlight=False, width=150)

    def heading(self, text: str) -> None:
        self.console.rule(f"[bold]{escape(text)}", align="left")

    def line(self, text: str) -> None:
        self.console.print(escape(text), soft_wrap=True)

    def question(self, number: int, question: str) -> None:
        self.console.print(f"\n[bold cyan]{number}. {escape(question)}")

    def event(self, event: References | Event) -> None:
        """The answer's words as they come."""
        if isinstance(event, Delta):
            self.console.print(escape(event.text), end="", soft_wrap=True)

    def answer(self, result: Mapping[str, Any]) -> None:
        """What follows the answer's words: citations, evidence, timings."""
        self.console.print()
        if result["abstention"]:
            self.console.print(f"[yellow]No answer:[/] {escape(result['abstention'])}", soft_wrap=True)
        by_id = {reference["passage"]: reference for reference in result["references"]}
        for citation in result["citations"]:
            self._citation(citation, by_id.get(citation["passage"]))
        self.console.print(_evidence(result["references"][: max(result["given"], 3)]))
        seconds = result["seconds"]
        stages = [f"{name} {seconds[name] * 1000:,.0f}" for name in _STAGES if name in seconds]
        self.console.print(
            f"[dim]ms on the server: {', '.join(stages)}; {result['wall'] * 1000:,.0f} at the client; "
            f"{result['prompt_tokens']} tokens read, {result['answer_tokens']} written",
            soft_wrap=True,
        )

    def _citation(self, citation: Mapping[str, Any], reference: Mapping[str, Any] | None) -> None:
        if reference is None:
            return
        start, end = citation["span"]
        text = reference["text"]
        quote = escape(text[start:end])
        before, after = escape(text[max(0, start - _AROUND) : start]), escape(text[end : end + _AROUND])
        around = " ".join(f"…{before}[bold green]»{quote}«[/]{after}…".split())
        self.console.print(f"  [green]cited[/] {escape(_place(reference))}: {around}", soft_wrap=True)


def _place(reference: Mapping[str, Any]) -> str:
    return " › ".join(part for part in (reference["title"], reference["section"]) if part)


def _evidence(references: list[Mapping[str, Any]]) -> Table:
    """Every leg's rank and score of the best passages, and the ranker's judgement (else the fused score)."""
    legs = sorted({leg["leg"] for reference in references for leg in reference["legs"]})
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("evidence")
    ranked = any(reference["confidence"] is not None for reference in references)
    for name in (*legs, *(("ranker", "probability") if ranked else ("fused",))):
        table.add_column(name, justify="right")
    for reference in references:
        found = {leg["leg"]: f"#{leg['rank']} ({leg['score']:.2f})" for leg in reference["legs"]}
        sure = reference["confidence"]
        table.add_row(
            escape(f"{_place(reference)} ({reference['passage']})"),
            *(found.get(name, "-") for name in legs),
            f"{reference['score']:.2f}" if ranked else f"{reference['score']:.4f}",
            *(() if sure is None else (f"{sure:.2f}",)),
        )
    return table
