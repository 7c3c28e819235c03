"""Folders of text and Markdown."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.core.errors import InvalidInput
from skerry.retrieval.corpus.chunking import Chunking, chunk_page
from skerry.retrieval.corpus.readers import open_corpus
from skerry.retrieval.corpus.readers.markdown import markdown_paragraphs

_MARKDOWN = """---
author: nobody
---
# The Skerry #

A rock in the
sea.

## Birds: gulls

- Herring gull
  and chicks
* Tern
1. Puffin

```python
# not a heading

x = 1
```

### Nests ###
Deep text.

Geology
-------
Gneiss.

# Another top
End.
"""


def test_markdown(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(_MARKDOWN)
    (page,) = open_corpus(tmp_path, "text")
    assert (page.id, page.title) == ("a.md", "The Skerry")
    assert page.paragraphs == (
        "The Skerry",
        "A rock in the\nsea.",
        "Section::::Birds: gulls.",
        "BULLET::::- Herring gull\n  and chicks",
        "BULLET::::- Tern",
        "BULLET::::- Puffin",
        "```python\n# not a heading\n\nx = 1\n```",
        "Section::::Birds: gulls.:Nests.",
        "Deep text.",
        "Section::::Geology.",
        "Gneiss.",
        "Section::::Another top.",
        "End.",
    )
    sections = [passage.section for passage in chunk_page(page, Chunking())]
    assert sections == ["", "Birds: gulls", "Birds: gulls > Nests", "Geology", "Another top"]


@pytest.mark.parametrize(
    ("text", "title", "paragraphs"),
    [
        ("", "", []),
        ("plain\n", "", ["plain"]),
        ("#hash tag", "", ["#hash tag"]),
        ("#\n\ntext", "", ["text"]),
        ("Title\n=====\ntext", "Title", ["text"]),
        ("# C#\ntext", "C#", ["text"]),
        ("# A #b\ntext", "A #b", ["text"]),
        ("text\n\n# Late", "", ["text", "Section::::Late."]),
        ("---\nnot front matter", "", ["---\nnot front matter"]),
        ("```\nopen fence\n\n# x", "", ["```\nopen fence\n\n# x"]),
        (
            "## A\n#### C\n## B\n### D",
            "",
            ["Section::::A.", "Section::::A.:C.", "Section::::B.", "Section::::B.:D."],
        ),
        ("a\r\nb\r\n\r\nc", "", ["a\nb", "c"]),
    ],
)
def test_markdown_corners(text: str, title: str, paragraphs: list[str]) -> None:
    assert markdown_paragraphs(text) == (title, paragraphs)


def test_a_folder_is_read_in_order_of_path_without_hidden_files(tmp_path: Path) -> None:
    for name in ["b.txt", "a/z.TXT", "a/b/c.markdown", ".hidden.txt", ".git/x.txt", "image.png", "c.md"]:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes("\ufeffÆrø is an island.\r\n\r\nIt is flat.".encode())
    reader = open_corpus(tmp_path, "text")
    pages = list(reader)
    assert [(page.id, page.title) for page in pages] == [
        ("b.txt", "b"),
        ("c.md", "c"),
        ("a/z.TXT", "z"),
        ("a/b/c.markdown", "c"),
    ]
    assert pages[0].paragraphs == ("b", "Ærø is an island.", "It is flat.")
    assert reader.read_bytes() == reader.source_bytes()
    (single,) = open_corpus(tmp_path / "b.txt", "text")
    assert single.id == "b.txt"


def test_bad_files_are_named_or_counted(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Fine.")
    (tmp_path / "b.txt").write_bytes(b"line one\nline \xff two")
    (tmp_path / "c.md").write_text("# Only a title\n\n## And a heading\n")
    with pytest.raises(InvalidInput, match=r"b\.txt:2: byte 15 of the file is not valid UTF-8"):
        list(open_corpus(tmp_path, "text"))
    reader = open_corpus(tmp_path, "text", on_error="skip")
    assert [page.id for page in reader] == ["a.txt"]
    assert reader.skipped == {"invalid UTF-8": 1, "page without text": 1}


def test_a_folder_without_text(tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_text("")
    for path in (tmp_path, tmp_path / "x.pdf"):
        with pytest.raises(InvalidInput, match=r"holds no \.txt or \.md file"):
            list(open_corpus(path, "text"))


def test_the_fingerprint_follows_names_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One.")
    first = open_corpus(tmp_path, "text").fingerprint()
    assert open_corpus(tmp_path, "text").fingerprint() == first
    (tmp_path / "a.txt").rename(tmp_path / "b.txt")
    second = open_corpus(tmp_path, "text").fingerprint()
    (tmp_path / "b.txt").write_text("Two.")
    assert len({first, second, open_corpus(tmp_path, "text").fingerprint()}) == 3
