"""The fenced code blocks of a Markdown document, and the commands in them.

What the word after the fence means to the tests:

    ```python                run in order, one namespace a document; an ```output block after it is compared
    ```python no-run         compiled only
    ```python models         run; skipped, with all that follows, where the models are not there
    ```console               lines with `$ ` are commands; `skerry` and `make` ones are checked for existence
    ```console run           and run, in the document's own temporary folder; what follows them is compared
    ```sh                    every line is a command, checked like console's, never run
    ```output                what the block before it prints; `...` is anything, white space counts as one

A command that ends in `&` runs on until the end of the document. `shared` in the temporary folder leads to
the question sets where they are there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KNOWN_WORDS = {
    "python": {"no-run", "models"},
    "console": {"run", "models"},
    "sh": set(),
    "output": set(),
    "text": set(),
    "toml": set(),
    "json": set(),
    "proto": set(),
    "cpp": set(),
    "": set(),
}
_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_BREAKS = {"|", "||", "&&", ";", "&"}
_REDIRECTION = re.compile(r"(?<=\s)\d*(?:>>?|<)\s*(?:&\d|\S+)")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, the words after it, its text, and its first line's number."""

    language: str
    words: frozenset[str]
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a console block and what the document says it prints."""

    text: str
    expected: str
    line: int


def read_blocks(path: Path) -> list[Block]:
    """All fenced blocks that begin at the start of a line."""
    document = path.read_text(encoding="utf-8")
    blocks = []
    for match in _FENCE.finditer(document):
        language, *words = match.group(1).split() or [""]
        line = document.count("\n", 0, match.start(2)) + 1
        blocks.append(Block(language, frozenset(words), match.group(2), line))
    return blocks


def commands_of(block: Block) -> list[Command]:
    """The commands of a console or sh block, continued lines joined."""
    commands: list[Command] = []
    lines = enumerate(block.text.splitlines(), block.line)
    for number, line in lines:
        if block.language == "console" and not line.startswith("$ "):
            if commands:
                last = commands[-1]
                commands[-1] = Command(last.text, f"{last.expected}{line}\n", last.line)
            continue
        text = line.removeprefix("$ ")
        while text.endswith("\\"):
            text = f"{text[:-1]} {next(lines)[1].strip()}"
        if text.strip() and not text.lstrip().startswith("#"):
            commands.append(Command(text, "", number))
    return commands


def programs_of(text: str) -> Iterator[list[str]]:
    """The single programs of a shell command with their arguments, without redirections."""
    lexer = shlex.shlex(_REDIRECTION.sub("", text), posix=True, punctuation_chars="|&;")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    program: list[str] = []
    for token in lexer:
        if token in _BREAKS:
            if program:
                yield program
            program = []
        elif program or not re.match(r"^[A-Z_]+=", token):
            program.append(token)
    if program:
        yield program


def matches(expected: str, printed: str) -> bool:
    """Whether `printed` is what `expected` says: `...` is anything, runs of white space are one space."""
    parts = [re.escape(" ".join(part.split())) for part in expected.split("...")]
    return re.fullmatch(r"\s*.*?\s*".join(parts), " ".join(printed.split()), re.DOTALL) is not None
