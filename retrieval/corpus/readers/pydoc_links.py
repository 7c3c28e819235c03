"""The cross-references in Python's documentation text, made into links between its topics."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from skerry.retrieval.corpus.readers.pydoc_text import Kind, Piece
from skerry.retrieval.corpus.records import Anchor

_REFERRING = r"(?:[Ss]ections?|[Cc]hapter|[Ss]ee(?: also)?(?: the)?)\s+"
_STATEMENT = re.compile(r'The ("[\w*]+" statement)')
_CLAUSE = re.compile(
    r'"(\w+)" clause'
)  # `"else" clause` stands for an if's and a loop's too: linked as "else"


class Links:
    """Finds references to other topics in a paragraph.

    A reference is another page's or section's heading of two words or more, a heading of one word after
    "section", "chapter" or "see", an emphasised heading (`*…*`), or a page's id in double quotes. A section
    that stands in several pages is linked to the shortest of them.

    Args:
        topics: page id -> the pieces of its text.
    """

    def __init__(self, topics: Mapping[str, Sequence[Piece]]) -> None:
        self._ids = frozenset(topics)
        self._pages: dict[str, str] = {}
        headings = {name: _headings(parts) for name, parts in topics.items()}
        by_length = sorted(topics, key=lambda name: (sum(len(piece.text) for piece in topics[name]), name))
        for name in sorted(by_length, key=lambda name: f'"{name}"' not in headings[name][0]):
            for text in _spellings(headings[name][0]):
                self._pages.setdefault(text, name)
        for name in by_length:
            for heading in headings[name][1:]:
                clause = _CLAUSE.fullmatch(heading)
                if clause is None or clause.group(1) not in self._ids:
                    for text in _spellings(heading):
                        self._pages.setdefault(text, name)
        titles = sorted(self._pages, key=len, reverse=True)
        self._pattern = re.compile(
            f"(?:{_REFERRING})(?P<referred>{_any(titles)})(?!\\w)"
            f"|(?<![\\w“])(?P<plain>{_any(title for title in titles if len(title.split()) > 1)})(?!\\w)"
            f"|\\*(?P<emphasised>{_any(titles)})\\*"
            f'|"(?P<quoted>{_any(sorted(self._ids, key=len, reverse=True))})"'
        )

    def find(self, page: str, paragraph: int, text: str) -> list[Anchor]:
        """The anchors of one paragraph of a page, left to right; none to the page itself."""
        anchors = []
        for match in self._pattern.finditer(text):
            group = str(match.lastgroup)
            words = match.group(group)
            target = words if group == "quoted" else self._pages[words]
            if target != page:
                anchors.append(Anchor(words, target, paragraph, match.start(group), match.end(group)))
        return anchors


def _headings(parts: Sequence[Piece]) -> list[str]:
    return [piece.text for piece in parts if piece.kind is Kind.HEADING] or [""]


def _spellings(heading: str) -> Iterable[str]:
    """A heading as it stands, and as prose names it: `the "for" statement`, `The for statement`."""
    if heading in ("", "Footnotes", "Overview"):
        return
    yield heading
    if match := _STATEMENT.fullmatch(heading):
        yield match.group(1)
        yield "The " + match.group(1).replace('"', "")


def _any(texts: Iterable[str]) -> str:
    return "|".join(re.escape(text) for text in texts) or "(?!)"
