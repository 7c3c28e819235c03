"""Lead paragraph selection: what opens a page calls up the page (CorpusBrain's second task)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from skerry.core.errors import InvalidInput
from skerry.retrieval.corpus.sentences import split_sentences
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpus.words import count_words
from skerry.retrieval.corpusbrain.pretraining.disguise import PLAIN, Disguise
from skerry.retrieval.corpusbrain.pretraining.pages import PageText, check_related, page_texts
from skerry.retrieval.corpusbrain.pretraining.pairs import Link, Pair

_FEWEST = 4


def lead_paragraphs(
    store: PassageStore,
    links: Iterable[Link] = (),
    seed: int = 0,
    *,
    leads: int = 3,
    cuts: int = 1,
    related: int = 0,
    disguise: Disguise = PLAIN,
) -> Iterator[Pair]:
    """Pairs of a page's first passages and the page, in corpus order; the same for the same store and seed.

    Args:
        links: ascending by passage; only looked at for `related`.
        leads: how many passages open a page; each of at least four words is given whole.
        cuts: how many pairs more of each of them are cut to a random number of leading sentences; a passage
            of one sentence gives none.
        related: the most pages linked to from the page that follow it in `Pair.pages`, 0 to 4.
        disguise: how sources are changed; not at all by default.

    Raises:
        InvalidInput: `leads`, `cuts` or `related` out of range.
    """
    for name, value in (("leads", leads), ("cuts", cuts)):
        if value < 0:
            raise InvalidInput(f"{name} cannot be negative; got {value}.", details={"option": name})
    check_related(related)

    def pairs(page: PageText) -> Iterator[Pair]:
        random = page.random("lps", seed)
        for text in page.texts[:leads]:
            for source in _sources(text, cuts, random):
                worn = disguise.put_on(source, page.title, random)
                yield Pair(worn, (page.number, *page.related(related, random)))

    return (pair for page in page_texts(store, links) for pair in pairs(page))


def _sources(text: str, cuts: int, random: Random) -> Iterator[str]:
    if count_words(text) < _FEWEST:
        return
    yield text
    sentences = split_sentences(text)
    for _ in range(cuts if len(sentences) > 1 else 0):
        source = text[: sentences[random.randint(1, len(sentences) - 1) - 1][1]]
        if count_words(source) >= _FEWEST:
            yield source
