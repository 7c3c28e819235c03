"""The reader of the language reference that ships with Python, against the text itself."""

from __future__ import annotations

import re
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from skerry.core.errors import InvalidInput
from skerry.retrieval.corpus.markup import BULLET_MARKER, is_heading, section_path
from skerry.retrieval.corpus.readers import open_corpus
from skerry.retrieval.corpus.readers.pydoc import PydocReader
from skerry.retrieval.corpus.readers.pydoc_text import Kind, pieces
from skerry.retrieval.corpus.records import Page


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    return {page.id: page for page in open_corpus(Path("pydoc"), "pydoc")}


def letters(text: str) -> str:
    """What must not get lost: everything but spaces, underlinings, table borders and list signs."""
    return re.sub(r"[\s*=\-~^+|\[\]]", "", text)


def test_every_topic_is_a_page(pages: dict[str, Page]) -> None:
    assert set(pages) == {name for name, text in topics.items() if text.strip()}
    for page in pages.values():
        assert page.paragraphs[0] == page.title
        assert page.title == topics[page.id].strip().split("\n")[0].strip()
        assert len(page.paragraphs) > 1


@pytest.mark.parametrize("name", sorted(topics))
def test_all_text_is_kept_in_order(name: str) -> None:
    text = topics[name]
    if "+---" in text:  # a table's cells are unwrapped column by column: the same letters in another order
        assert sorted(letters("".join(piece.text for piece in pieces(text)))) == sorted(letters(text))
    else:
        assert letters("".join(piece.text for piece in pieces(text))) == letters(text)


def test_pages_hold_what_the_pieces_hold(pages: dict[str, Page]) -> None:
    for page in pages.values():
        parts = pieces(topics[page.id])[1:]
        assert len(parts) == len(page.paragraphs) - 1
        for part, paragraph in zip(parts, page.paragraphs[1:], strict=True):
            if part.kind is Kind.HEADING:
                assert is_heading(paragraph)
                assert letters(section_path(paragraph)).endswith(letters(part.text))
            else:
                assert paragraph.removeprefix(BULLET_MARKER) == part.text


def test_long_topics_have_sections(pages: dict[str, Page]) -> None:
    for name in ("compound", "specialnames", "types", "typesseq", "comparisons"):
        headings = [text for text in pages[name].paragraphs if is_heading(text)]
        assert len(headings) >= 3, name
    paths = {section_path(text) for text in pages["compound"].paragraphs if is_heading(text)}
    assert 'The "match" statement > Patterns > OR Patterns' in paths


def test_anchors_stand_where_they_say_and_lead_to_other_pages(pages: dict[str, Page]) -> None:
    anchors = [(page, anchor) for page in pages.values() for anchor in page.anchors]
    assert len(anchors) > 200
    for page, anchor in anchors:
        assert page.paragraphs[anchor.paragraph][anchor.start : anchor.end] == anchor.text
        assert anchor.target in pages
        assert anchor.target != page.id
    from_while = {(anchor.text, anchor.target) for anchor in pages["while"].anchors}
    assert ("break", "break") in from_while or ('"break" statement', "break") in from_while


def test_a_definition_keeps_its_signature_and_code_its_introduction(pages: dict[str, Page]) -> None:
    methods = pages["string-methods"].paragraphs
    assert any(text.startswith("str.casefold()\nReturn a casefolded copy") for text in methods)
    assert any(
        '"if" statement is used for conditional' in text and "if_stmt" in text
        for text in pages["if"].paragraphs
    )
    rows = [text for text in pages["operator-summary"].paragraphs if " | " in text]
    assert f'{BULLET_MARKER}"or" | Boolean OR' in rows


def test_wrapped_words_are_made_whole() -> None:
    text = "Title\n*****\n\nA double-\nprecision number, a left- \nor right-hand side.\n"
    assert pieces(text)[1].text == "A double-precision number, a left- or right-hand side."


def test_any_path_is_the_same_corpus_and_the_fingerprint_covers_the_text() -> None:
    first = open_corpus(Path("pydoc"), "pydoc")
    assert first.fingerprint() == open_corpus(Path("/nowhere"), "pydoc").fingerprint()
    assert first.fingerprint() != PydocReader(topics={"a": "A\n*\n\nText."}).fingerprint()
    assert PydocReader(topics={"ab": "c"}).fingerprint() != PydocReader(topics={"a": "bc"}).fingerprint()
    assert sum(1 for _ in first) == sum(1 for _ in first)
    assert first.read_bytes() == first.source_bytes()


def test_bad_use() -> None:
    with pytest.raises(InvalidInput, match="no option 'lines'"):
        open_corpus(Path("pydoc"), "pydoc", lines="3")
    with pytest.raises(InvalidInput, match="no topic"):
        list(PydocReader(topics={"empty": "  \n"}))


def test_odd_texts_do_not_break() -> None:
    odd = {
        "untitled": "just a line",
        "table": "T\n***\n\n+---+\n| a |\n",
        "deep": "T\n***\n\n   x\n\n      y\n\n* z\n",
        "rule": "T\n***\n\n=====\n\nEnd.",
    }
    found = {page.id: page for page in PydocReader(topics=odd)}
    assert found["untitled"].title == "untitled"
    assert found["untitled"].paragraphs == ("untitled", "just a line")
    assert found["rule"].paragraphs == ("T", "End.")
    assert set(found) == set(odd)
