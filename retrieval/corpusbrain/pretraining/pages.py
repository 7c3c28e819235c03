"""The passage store page by page, with the links of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from skerry.core.errors import InvalidInput
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpusbrain.pretraining.pairs import Link

MOST_RELATED = 4


@dataclass(frozen=True, slots=True)
class PageText:
    """One page: the texts of its passages, of which `texts[0]` is passage number `first`, and its links."""

    number: int
    title: str
    first: int
    texts: tuple[str, ...]
    links: tuple[Link, ...]

    def random(self, task: str, seed: int) -> Random:
        """The page's own random numbers for a task: the same whatever pages stand before it."""
        return Random(f"{task} {seed} {self.number}")

    def related(self, most: int, random: Random) -> tuple[int, ...]:
        """From none to `most` of the pages that this one links to, drawn without repetition."""
        if not most:
            return ()
        linked = [page for page in dict.fromkeys(link.page for link in self.links) if page != self.number]
        return tuple(random.sample(linked, min(len(linked), random.randint(0, most))))


def page_texts(store: PassageStore, links: Iterable[Link]) -> Iterator[PageText]:
    """Every page in corpus order, one at a time; `links` ascend by passage."""
    coming = iter(links)
    link = next(coming, None)
    for number, (_, title, first, count) in enumerate(store.pages()):
        texts = tuple(text for _, _, text in store.texts(first, first + count))
        found = []
        while link is not None and link.passage < first + count:
            found.append(link)
            link = next(coming, None)
        yield PageText(number, title, first, texts, tuple(found))


def check_share(**shares: float) -> None:
    """Raise `InvalidInput` for a share or probability that is not from 0 to 1."""
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise InvalidInput(f"{name} must be from 0 to 1; got {value!r}.", details={"option": name})


def check_related(related: int) -> None:
    """Raise `InvalidInput` unless from 0 to 4 related pages are asked for."""
    if not 0 <= related <= MOST_RELATED:
        raise InvalidInput(
            f"related must be from 0 to {MOST_RELATED}; got {related!r}.", details={"option": "related"}
        )
