"""Hyperlink identifier prediction: the text around a link calls up the page it points to (third task)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from skerry.core.errors import InvalidInput
from skerry.retrieval.corpus.sentences import split_sentences
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpus.words import count_words
from skerry.retrieval.corpusbrain.pretraining.disguise import PLAIN, Disguise
from skerry.retrieval.corpusbrain.pretraining.pages import PageText, check_share, page_texts
from skerry.retrieval.corpusbrain.pretraining.pairs import Link, Pair

_FEWEST = 4


def hyperlinks(
    store: PassageStore,
    links: Iterable[Link],
    seed: int = 0,
    *,
    share: float = 1.0,
    most: int = 100,
    disguise: Disguise = PLAIN,
) -> Iterator[Pair]:
    """Pairs of a link's sentence, often with the one before or after, and the page linked to.

    In corpus order; the same for the same store, links and seed. A link within its own page gives none.

    Args:
        links: ascending by passage.
        share: the share of links that are given.
        most: the n-th link to a page is given with probability `most / n` if that is less than one, so that
            a page that everything links to does not drown the others.
        disguise: how sources are changed; not at all by default.

    Raises:
        InvalidInput: `share` or `most` out of range.
    """
    check_share(share=share)
    if most < 1:
        raise InvalidInput(f"most must be at least 1; got {most}.", details={"option": "most"})
    seen: Counter[int] = Counter()

    def pairs(page: PageText) -> Iterator[Pair]:
        random = page.random("hip", seed)
        for link in page.links:
            if link.page == page.number or random.random() >= share:
                continue
            seen[link.page] += 1
            if random.random() * seen[link.page] >= most:
                continue
            text = page.texts[link.passage - page.first]
            source = _around(text, link, before=random.random() < 0.5, after=random.random() < 0.5)
            if count_words(source) >= _FEWEST:
                title = store.page(link.page).title
                yield Pair(disguise.put_on(source, title, random), (link.page,))

    return (pair for page in page_texts(store, links) for pair in pairs(page))


def _around(text: str, link: Link, *, before: bool, after: bool) -> str:
    """The sentences that the link touches, with the one before and the one after if asked; "" for none."""
    sentences = split_sentences(text)
    touched = [n for n, (start, end) in enumerate(sentences) if start < link.end and link.start < end]
    if not touched:
        return ""
    first = max(touched[0] - before, 0)
    last = min(touched[-1] + after, len(sentences) - 1)
    return text[sentences[first][0] : sentences[last][1]]
