"""Python's documentation as plain text, cut into headings, paragraphs, items, tables and code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

JOINED_WORDS = 150
"""A code block and the sentence before it are one paragraph up to this many words."""

_UNDERLINE = re.compile(r"([^\w\s])\1{2,}")
_RUBRIC = re.compile(r"-\[ (.+) \]-")
_BULLET = re.compile(r"(?:\*|\d+\.|\(\d+\)) ")
_PROSE_START = re.compile(r"[A-Z“‘(*\[]|\"|[a-z]+ [a-z]+ |\d+\. ")
_PROSE_END = (".", ":", ";", ")", "”", ",", "]", '"', "!", "?")
_SIGNATURE = re.compile(r"(?:(?:class|classmethod|static|async) )*[\w.]+(?:\(.*\)| \[.*\])?")
_CODE_LINE = re.compile(
    r"(>>>|\.\.\. |\$ |@\w|#|\(Pdb\)|-> |> )"
    r"|(import|from|def|class|for|while|if|try|with|return|print|raise|async|await|elif|else|del|global|assert"
    r"|match|case|except|finally|super|lambda|yield|pass|break|continue)\b.*([:)\]}'\"]|\w)$"
    r"|[\w.\[\], *()'\"-]+ (=|:=|\+=|==|->|<|<=|>|>=|!=) \S.*"
    r"|[\w.]+\(.*\)$"
)


class Kind(Enum):
    """What a piece of a topic is."""

    HEADING = "heading"
    PROSE = "prose"
    ITEM = "item"
    ROW = "row"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Piece:
    """A heading or a paragraph. `mark` is a heading's underlining character, or "" elsewhere."""

    kind: Kind
    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class _Block:
    lines: tuple[str, ...]
    indent: int


def pieces(topic: str) -> list[Piece]:
    """Cut one topic's text; every word of it is in exactly one piece, in order.

    A term or signature is one piece with the paragraph that explains it, a code block with the sentence that
    introduces it (up to `JOINED_WORDS`). Transitions (a line of one repeated sign) are dropped.
    """
    found: list[Piece] = []
    blocks = _blocks(topic)
    number = 0
    while number < len(blocks):
        block = blocks[number]
        following = blocks[number + 1] if number + 1 < len(blocks) else None
        number += 1
        heading = _heading(block)
        if heading is not None:
            found.append(heading)
        elif len(block.lines) == 1 and _UNDERLINE.fullmatch(block.lines[0].strip()):
            continue
        elif block.lines[0].lstrip().startswith("+-"):
            found.extend(_rows(block))
        elif following is not None and _is_label(block, following):
            found.append(Piece(Kind.PROSE, f"{block.lines[0].strip()} {_prose(following)}"))
            number += 1
        elif following is not None and _is_term(block, following):
            found.append(Piece(Kind.PROSE, "\n".join([*_stripped(block), _prose(following)])))
            number += 1
        elif _is_code(block, found[-1] if found else None):
            lines = list(block.lines)
            while number < len(blocks) and _continues(blocks[number : number + 2], block):
                lines += ["", *blocks[number].lines]
                number += 1
            _add_code(found, _dedent(lines))
        else:
            kind = Kind.ITEM if _BULLET.match(block.lines[0].lstrip()) else Kind.PROSE
            found.append(Piece(kind, _prose(block)))
    return found


def _blocks(text: str) -> list[_Block]:
    blocks: list[_Block] = []
    lines: list[str] = []
    for line in [*text.expandtabs().split("\n"), ""]:
        if line.strip():
            if lines and _UNDERLINE.fullmatch(lines[-1].strip()) and len(lines) == 2:
                blocks.append(_block(lines))
                lines = []
            lines.append(line.rstrip())
        elif lines:
            blocks.append(_block(lines))
            lines = []
    return blocks


def _block(lines: Sequence[str]) -> _Block:
    return _Block(tuple(lines), min(len(line) - len(line.lstrip()) for line in lines))


def _stripped(block: _Block) -> Iterator[str]:
    return (line.strip() for line in block.lines)


def _dedent(lines: Sequence[str]) -> str:
    indent = min(len(line) - len(line.lstrip()) for line in lines if line)
    return "\n".join(line[indent:] for line in lines)


def _heading(block: _Block) -> Piece | None:
    """A title with its underline, or a rubric (`-[ Footnotes ]-`)."""
    if len(block.lines) == 1 and (rubric := _RUBRIC.fullmatch(block.lines[0].strip())):
        return Piece(Kind.HEADING, rubric.group(1), "[")
    if len(block.lines) != 2 or block.indent or _UNDERLINE.fullmatch(block.lines[0]):
        return None
    title, line = block.lines
    if _UNDERLINE.fullmatch(line) and len(line) >= len(title) - 2:
        return Piece(Kind.HEADING, title.strip(), line[0])
    return None


def _is_code(block: _Block, before: Piece | None) -> bool:
    """Whether an indented block is code or grammar and not the body of a definition, an item or a note."""
    lines = list(_stripped(block))
    if lines[0].startswith(">>> "):
        return True
    if block.indent < 2:
        return False
    if any(" ::= " in line or "  # " in line for line in lines):
        return True
    if lines[0].startswith(("(Pdb)", "$ ", "> ", "-> ")):
        return True
    if _BULLET.match(lines[0]) or lines[0].startswith(("Changed in version", "New in version", "Note", "[")):
        return False
    wrapped = len(lines) == 1 or len(lines[0]) >= 40 or _hangs(block)
    prose = wrapped and bool(_PROSE_START.match(lines[0])) and lines[-1].endswith(_PROSE_END)
    words = sum(word.strip("(),.;:\"'*").isalpha() for line in lines for word in line.split())
    total = sum(len(line.split()) for line in lines)
    if prose and words >= 0.5 * total and words >= 4 and not _CODE_LINE.match(lines[0]):
        return False
    if any(_CODE_LINE.match(line) for line in lines):
        return words < 0.8 * total or not lines[-1].endswith((".", ":"))
    return before is not None and before.text.endswith((":", "::")) and not prose


def _continues(ahead: Sequence[_Block], code: _Block) -> bool:
    """Whether the next block belongs to the code that `code` began: as deep, not prose, and not a term."""
    block = ahead[0]
    if block.indent < code.indent or code.indent == 0 or _heading(block) is not None:
        return False
    if len(ahead) > 1 and _is_term(block, ahead[1]):
        return False
    return block.indent > code.indent or _is_code(block, None)


def _is_label(block: _Block, following: _Block) -> bool:
    """Whether a block is the bare name of an admonition ("Note:", "See also:") over its indented text."""
    name = block.lines[0].strip()
    return (
        len(block.lines) == 1
        and name.endswith(":")
        and len(name.split()) <= 2
        and following.indent == block.indent + 2
        and not _BULLET.match(following.lines[0].lstrip())
        and not _is_code(following, None)
    )


def _is_term(block: _Block, following: _Block) -> bool:
    """Whether a block is a term or signatures that the deeper block after it explains."""
    lines = list(_stripped(block))
    start = following.lines[0].lstrip()
    return (
        following.indent > block.indent
        and not lines[-1].endswith((".", ":", ";", ","))
        and not _BULLET.match(lines[0])
        and (len(lines) == 1 or all(_SIGNATURE.fullmatch(line) for line in lines))
        and (len(lines[0].split()) <= 8 or "(" in lines[0])
        and bool(_PROSE_START.match(start))
        and not _BULLET.match(start)
        and not _is_code(following, None)
    )


def _hangs(block: _Block) -> bool:
    """Whether every line after the first is indented more than the first."""
    depths = [len(line) - len(line.lstrip()) for line in block.lines]
    return len(depths) > 1 and min(depths[1:]) > depths[0]


def _prose(block: _Block) -> str:
    """Unwrap a paragraph; a short first line with an indented rest (a term) keeps its line break."""
    lines = list(_stripped(block))
    term = _hangs(block) and not _BULLET.match(lines[0]) and not lines[0].startswith(("[", "Note: "))
    if term and len(block.lines[0]) + len(lines[1].split()[0]) < 70:
        return lines[0] + "\n" + _unwrapped(lines[1:])
    return _unwrapped(lines)


def _unwrapped(lines: Sequence[str]) -> str:
    """Join wrapped lines by spaces; a word broken at its own hyphen is made whole."""
    text = lines[0]
    for line in lines[1:]:
        broken = re.search(r"\w-$", text) and not re.match(r"(and|or|to)\b", line)
        text += line if broken else " " + line
    return text


def _add_code(found: list[Piece], code: str) -> None:
    before = found[-1] if found else None
    if before is not None and before.kind in (Kind.PROSE, Kind.ITEM, Kind.CODE):
        grammar = before.kind is Kind.CODE and "::=" not in before.text
        words = len(before.text.split()) + len(code.split())
        if words <= JOINED_WORDS and not grammar:
            found[-1] = Piece(before.kind, before.text + "\n" + code)
            return
    found.append(Piece(Kind.CODE, code))


def _rows(block: _Block) -> Iterator[Piece]:
    """A grid table's rows, the head first: its cells, unwrapped, with bars between them."""
    cells: list[list[str]] = []
    for line in _stripped(block):
        if re.fullmatch(r"[+|][-=+|]*[+|]", line):
            if cells:
                yield Piece(Kind.ROW, " | ".join(_unwrapped(cell) if cell else "" for cell in cells))
            cells = []
            continue
        columns = _columns(block, line)
        cells = cells or [[] for _ in columns]
        for cell, column in zip(cells, columns, strict=True):
            if column:
                cell.append(column)


def _columns(block: _Block, line: str) -> list[str]:
    """Split a table's line where its border has corners (a cell's own text may hold bars)."""
    border = block.lines[0].strip()
    corners = [position for position, sign in enumerate(border) if sign == "+"]
    return [line[start + 1 : stop].strip() for start, stop in pairwise(corners)]
