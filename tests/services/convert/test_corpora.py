"""Documents: what goes out comes back the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from skerry.retrieval.corpus.records import Anchor, Page
from skerry.services.convert.corpora import document, page_of

from .strategies import text


@given(st.builds(Page, text, text, st.lists(text, max_size=3).map(tuple), st.just(()), st.just({})))
def test_documents(page: Page) -> None:
    page = Page(page.id, page.title, (page.title, *page.paragraphs), (Anchor("a", "b", 1, 0, 1),), {"k": "v"})
    assert page_of(document(page)) == page
