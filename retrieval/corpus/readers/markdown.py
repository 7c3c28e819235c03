"""Markdown as KILT-style paragraphs: headings become sections, list items bullets."""

from __future__ import annotations

import re

from skerry.retrieval.corpus.markup import BULLET_MARKER, section_heading

_ATX = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])[ \t]+(?=\S)")


def markdown_paragraphs(text: str) -> tuple[str, list[str]]:
    """(title, paragraphs) of a Markdown text.

    The title is the first heading of level 1 when it comes before any text, else "". YAML front matter is
    left out; fenced code stays one paragraph, fences included.
    """
    parser = _Parser()
    for line in _without_front_matter(text.replace("\r\n", "\n").split("\n")):
        parser.line(line)
    parser.end_paragraph()
    return parser.title, parser.paragraphs


class _Parser:
    def __init__(self) -> None:
        self.title = ""
        self.paragraphs: list[str] = []
        self._lines: list[str] = []
        self._levels: dict[int, str] = {}
        self._fence = ""

    def line(self, line: str) -> None:
        fence = _FENCE.match(line)
        if self._fence:
            self._lines.append(line)
            if fence and fence[1].startswith(self._fence) and line.strip() == fence[1]:
                self._fence = ""
                self.end_paragraph()
        elif fence:
            self.end_paragraph()
            self._fence = fence[1]
            self._lines.append(line)
        elif not line.strip():
            self.end_paragraph()
        elif heading := _ATX.match(line):
            self.end_paragraph()
            self._heading(len(heading[1]), _without_closing_marks(line[heading.end() :]))
        elif (under := _SETEXT.match(line)) and len(self._lines) == 1 and not _ITEM.match(self._lines[0]):
            self._heading(1 if under[1][0] == "=" else 2, self._lines.pop())
        elif item := _ITEM.match(line):
            self.end_paragraph()
            self._lines.append(f"{BULLET_MARKER}- {line[item.end() :]}")
        else:
            self._lines.append(line)

    def end_paragraph(self) -> None:
        text = "\n".join(self._lines).strip()
        if text:
            self.paragraphs.append(text)
        self._lines = []

    def _heading(self, level: int, name: str) -> None:
        name = name.strip()
        if not name:
            return
        if level == 1 and not self.title and not self.paragraphs:
            self.title = name
            return
        self._levels = {depth: kept for depth, kept in self._levels.items() if depth < level}
        self._levels[level] = name
        self.paragraphs.append(section_heading([self._levels[depth] for depth in sorted(self._levels)]))


def _without_closing_marks(name: str) -> str:
    """The text of a heading `## text ##`, given what follows its first marks."""
    name = name.strip()
    bare = name.rstrip("#")
    return bare.rstrip() if not bare or bare[-1] in " \t" else name


def _without_front_matter(lines: list[str]) -> list[str]:
    if lines and lines[0].rstrip() == "---":
        for number, line in enumerate(lines[1:], start=1):
            if line.rstrip() in ("---", "..."):
                return lines[number + 1 :]
    return lines
