"""Beam search along the tree of titles: every hypothesis is a beginning of titles that exist.

After De Cao et al. 2021 (GENRE) and Chen et al. 2022 (CorpusBrain).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.retrieval.corpusbrain.decoding.found import Found, FoundPages
from skerry.retrieval.corpusbrain.decoding.hypotheses import Hypotheses, beginnings, continuations
from skerry.retrieval.corpusbrain.decoding.prefix_tree import PrefixTree
from skerry.retrieval.corpusbrain.model.base import State, TitleModel

MOST_ROWS = 320
"""Hypotheses that the title model has at once: 32 queries of 10 beams."""


def search(
    model: TitleModel,
    tree: PrefixTree,
    queries: Sequence[str],
    beams: int,
    titles: int = 1,
    *,
    among: NDArray[np.int64] | None = None,
    deadline: Deadline | None = None,
    most_rows: int = MOST_ROWS,
) -> list[list[Found]]:
    """The pages whose titles the model would write to each query.

    The candidates of a step are what the tree has after the live hypotheses of a query, nothing else; the
    `beams` best of them live on. A title that ends is found, whatever its rank, and leaves its beam to
    others, or goes on with a further title where several are wanted. A hypothesis that can no longer reach
    the `beams` best pages is dropped, for scores only fall; the search ends when nothing is left. With at
    least as many beams as the tree has titles, it finds every title of the tree.

    Queries searched together find what they find alone, up to the rounding of the model's batched products.

    Args:
        model: gives the log-probabilities.
        tree: of titles in the model's tokens.
        queries: none empty.
        beams: hypotheses a query.
        titles: most titles of a sequence, those together at most `model.room` tokens long.
        among: where given, nothing but these nodes is searched: those on the ways to some pages' ends,
            ascending, at least one (`TitleTree.ways_to`). Probabilities stay those among all titles.
        deadline: checked between steps.
        most_rows: hypotheses in one batch: queries beyond it wait for the next. One query always goes.

    Returns:
        For each query its pages, each once, by falling log-probability; there may be more than `beams`:
        titles that ended on the way.

    Raises:
        InvalidInput: beams, titles or most_rows below 1, a tree of another end token, or a query that the
            model cannot read.
        DeadlineExceeded, Cancelled: between steps.
    """
    for option, value in (("beams", beams), ("titles", titles), ("most_rows", most_rows)):
        if value < 1:
            raise InvalidInput(f"{option} must be 1 or more; got {value}.", details={"option": option})
    if tree.end != model.end:
        raise InvalidInput(
            f"Titles of the tree end with token {tree.end}, those of the model with {model.end}.",
            hint="Build the tree with this model's tokenizer.",
        )
    found: list[list[Found]] = []
    chunk = max(1, most_rows // beams)
    for start in range(0, len(queries), chunk):
        found += _Search(model, tree, beams, titles, among, deadline).run(queries[start : start + chunk])
    return found


class _Search:
    def __init__(
        self,
        model: TitleModel,
        tree: PrefixTree,
        beams: int,
        titles: int,
        among: NDArray[np.int64] | None,
        deadline: Deadline | None,
    ) -> None:
        self._model, self._tree, self._beams, self._titles = model, tree, beams, titles
        self._among = among
        self._deadline = deadline
        self._found: list[FoundPages] = []
        self._first = tree.children(tree.root).astype(np.int64)
        self._further = np.append(self._first, model.stop)

    def run(self, queries: Sequence[str]) -> list[list[Found]]:
        self._found = [FoundPages(self._beams) for _ in queries]
        live = self._certain(beginnings(len(queries), self._tree.root), 0)
        state: State = None
        for step in range(1, self._model.room + 1):
            if not len(live):
                break
            if self._deadline is not None:
                self._deadline.check("generating titles")
            if state is None:
                state = self._model.begin(self._model.read(queries), live.queries)
            else:
                state = self._model.advance(state, live.rows, live.tokens)
            going_on = self._ended(self._continued(live, state), step)
            live = self._certain(going_on.best_of_each_query(self._beams), step)
        return [found.best_first() for found in self._found]

    def _continued(self, live: Hypotheses, state: State) -> Hypotheses:
        """Everything that may follow, but for what stops and what cannot reach the best pages."""
        nodes = live.nodes.tolist()
        further = (live.nodes == self._tree.root) & (live.places > 0)
        allowed = [self._allowed(node, again) for node, again in zip(nodes, further.tolist(), strict=True)]
        first_child = np.array([self._tree.first_child(node) for node in nodes], np.int64)
        longer = continuations(live, allowed, first_child, self._model.log_probs(state, allowed))
        stops = np.cumsum([len(tokens) for tokens in allowed])[further] - 1
        going_on = longer.scores > self._bars()[longer.queries]
        going_on[stops] = False
        if self._among is not None:
            places = np.searchsorted(self._among, longer.nodes)
            going_on &= self._among[np.minimum(places, len(self._among) - 1)] == longer.nodes
        return longer.only(going_on)

    def _allowed(self, node: int, further: bool) -> NDArray[np.int64]:
        """Tokens that may follow: `stop` after the tree's own where a further title may begin."""
        if node == self._tree.root:
            return self._further if further else self._first
        return self._tree.children(node).astype(np.int64)

    def _ended(self, longer: Hypotheses, step: int) -> Hypotheses:
        """Collect the titles that have ended; those that a further one may follow go on at the root."""
        ended = np.flatnonzero(longer.tokens == self._tree.end)
        for number in ended.tolist():
            self._add(longer, number, int(longer.nodes[number]), step)
        longer.nodes[ended] = self._tree.root
        longer.places[ended] += 1
        return longer.only(longer.places < self._titles)

    def _certain(self, live: Hypotheses, step: int) -> Hypotheses:
        """Collect the titles that are certain already, being the only ones after what they begin with.

        Returns:
            What the model is still to be asked about.
        """
        going_on = live.scores >= self._bars()[live.queries]
        if self._model.normalises:
            for number in np.flatnonzero(going_on).tolist():
                node, tokens = self._followed(int(live.nodes[number]))
                if node >= 0:
                    self._add(live, number, node, step + tokens)
                    going_on[number] = live.places[number] + 1 < self._titles
        return live.only(going_on & (live.scores > self._bars()[live.queries]))

    def _followed(self, node: int) -> tuple[int, int]:
        """The end of the only title below a node and the tokens on the way, or -1 if there are several."""
        length = 0
        while len(children := self._tree.children(node)) == 1:
            node = self._tree.first_child(node)
            length += 1
            if children[0] == self._tree.end:
                return node, length
        return -1, 0

    def _add(self, hypotheses: Hypotheses, number: int, node: int, tokens: int) -> None:
        self._found[int(hypotheses.queries[number])].add(
            Found(
                self._tree.page(node),
                float(hypotheses.scores[number]),
                tokens,
                int(hypotheses.places[number]),
            )
        )

    def _bars(self) -> NDArray[np.float64]:
        return np.array([found.bar for found in self._found])
