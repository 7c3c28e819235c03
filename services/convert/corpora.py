"""Documents, which are pages in the domain."""

from __future__ import annotations

from skerry.protos.v1 import types_pb2
from skerry.retrieval.corpus.records import Anchor, Page


def page_of(message: types_pb2.Document) -> Page:
    """A document as a page: its title becomes paragraph 0."""
    return Page(
        id=message.id,
        title=message.title,
        paragraphs=(message.title, *message.paragraphs),
        anchors=tuple(
            Anchor(item.text, item.target, item.paragraph, item.start_character, item.end_character)
            for item in message.anchors
        ),
        metadata=dict(message.metadata),
    )


def document(page: Page) -> types_pb2.Document:
    """A page as a document; paragraph 0 is left out, being the title."""
    return types_pb2.Document(
        id=page.id,
        title=page.title,
        paragraphs=page.paragraphs[1:],
        anchors=[
            types_pb2.Anchor(
                text=item.text,
                target=item.target,
                paragraph=item.paragraph,
                start_character=item.start,
                end_character=item.end,
            )
            for item in page.anchors
        ],
        metadata=dict(page.metadata),
    )
