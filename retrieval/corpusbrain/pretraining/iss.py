"""Inner sentence selection: a text from inside a page calls up the page (CorpusBrain's first task)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from skerry.retrieval.corpus.sentences import split_sentences
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpus.words import count_words, word_starts
from skerry.retrieval.corpusbrain.pretraining.disguise import PLAIN, Disguise
from skerry.retrieval.corpusbrain.pretraining.pages import PageText, check_related, check_share, page_texts
from skerry.retrieval.corpusbrain.pretraining.pairs import Link, Pair

_FEWEST = 4
_RUN = (2, 3)
_SPAN = (5, 20)


def inner_sentences(
    store: PassageStore,
    links: Iterable[Link] = (),
    seed: int = 0,
    *,
    share: float = 1.0,
    runs: float = 0.25,
    spans: float = 0.25,
    whole: float = 0.1,
    related: int = 0,
    disguise: Disguise = PLAIN,
) -> Iterator[Pair]:
    """Pairs of texts and the pages they stand in, in corpus order; the same for the same store and seed.

    No text has less than four words.

    Args:
        links: ascending by passage; only looked at for `related`.
        share: the share of sentences that are given, each on its own.
        runs: the probability that a sentence opens a run of two or three sentences, given besides.
        spans: the probability, for each sentence, that five to twenty words in a row from anywhere in the
            passage are given besides: as short as a question, and as little a sentence.
        whole: the share of passages that are given whole.
        related: the most pages linked to from the page that follow it in `Pair.pages`, 0 to 4.
        disguise: how sources are changed; not at all by default.

    Raises:
        InvalidInput: a share or `related` out of range.
    """
    check_share(share=share, runs=runs, spans=spans, whole=whole)
    check_related(related)

    def pairs(page: PageText) -> Iterator[Pair]:
        random = page.random("iss", seed)
        for text in page.texts:
            for source in _sources(text, random, share, runs, spans, whole):
                if count_words(source) < _FEWEST:
                    continue
                worn = disguise.put_on(source, page.title, random)
                yield Pair(worn, (page.number, *page.related(related, random)))

    return (pair for page in page_texts(store, links) for pair in pairs(page))


def _sources(
    text: str, random: Random, share: float, runs: float, spans: float, whole: float
) -> Iterator[str]:
    sentences = split_sentences(text)
    starts = word_starts(text, 0, len(text))
    for number, (start, end) in enumerate(sentences):
        if random.random() < share:
            yield text[start:end]
        if random.random() < runs:
            last = number + random.randint(*_RUN) - 1
            if last < len(sentences):
                yield text[start : sentences[last][1]]
        if random.random() < spans and len(starts) >= _SPAN[0]:
            yield _span(text, starts, random)
    if random.random() < whole:
        yield text


def _span(text: str, starts: list[int], random: Random) -> str:
    """Some words in a row of `text`, whose words begin at `starts`."""
    size = random.randint(_SPAN[0], min(_SPAN[1], len(starts)))
    first = random.randint(0, len(starts) - size)
    stop = starts[first + size] if first + size < len(starts) else len(text)
    return text[starts[first] : stop].rstrip()
