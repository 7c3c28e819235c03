"""The sentences of `sentence` beside a slow choice by the token's own attention."""

from __future__ import annotations

from itertools import pairwise

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.generation.selection.sentence import LONGEST, RECENT, SINKS, Sentence


def slow_rows(
    queries: torch.Tensor, keys: torch.Tensor, ends: list[int], budget: int, kv_heads: int
) -> list[set[int]]:
    """Rows that each KV head reads: sentences in order of attention a row while the heads' budget holds."""
    rows, size = keys.shape[1], keys.shape[2]
    told, bounds = [end for end in ends if end > SINKS], [SINKS]
    while True:
        following = min([*[end for end in told if end > bounds[-1]][:1], bounds[-1] + LONGEST])
        if following > rows - RECENT:
            break
        bounds.append(following)
    group = len(queries) // kv_heads
    worth = []
    for head in range(kv_heads):
        shares = torch.zeros(rows)
        for query in queries[head * group : (head + 1) * group]:
            shares += torch.softmax(keys[head] @ query * size**-0.5, dim=0)
        for start, end in pairwise(bounds):
            worth.append((-float(shares[start:end].sum()) / (end - start), head, start, end))
    room = (budget - SINKS - (rows - bounds[-1])) * kv_heads
    chosen = [set(range(SINKS)) | set(range(bounds[-1], rows)) for _ in range(kv_heads)]
    for _, head, start, end in sorted(worth):
        room -= end - start
        if room < 0:
            break
        chosen[head] |= set(range(start, end))
    return chosen


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32),
    st.integers(150, 500),
    st.integers(70, 300),
    st.sampled_from([(1, 1), (3, 1), (9, 3), (4, 2)]),
    st.lists(st.integers(1, 150), min_size=0, max_size=12),
)
def test_the_sentences_with_most_attention_are_read(
    seed: int, rows: int, budget: int, heads: tuple[int, int], lengths: list[int]
) -> None:
    random = torch.Generator().manual_seed(seed)
    keys = torch.randn((1, heads[1], rows, 16), generator=random) * 2
    queries = torch.randn((1, heads[0], 1, 16), generator=random) * 2
    ends = [end for end in torch.tensor(lengths).cumsum(0).tolist() if end < rows]
    selector = Sentence(budget)
    selector.begin([ends])
    selector.advance([False])
    selector.select(0, queries, keys[:, :, :-1])
    selector.advance([False])
    chosen = selector.select(0, queries, keys)
    starts, ranges = chosen.starts.tolist(), chosen.ranges.tolist()
    given = [
        {row for first, last in ranges[starts[head] : starts[head + 1]] for row in range(first, last)}
        for head in range(heads[1])
    ]
    expected = (
        [set(range(rows))] * heads[1]
        if rows <= budget
        else slow_rows(queries[0, :, 0], keys[0], ends, budget, heads[1])
    )
    assert given == expected


def test_what_the_answers_tokens_looked_at_is_its_attribution() -> None:
    keys = torch.zeros((1, 1, 400, 16))
    keys[:, :, 100:110] = 2.0
    selector = Sentence(128)
    selector.begin([list(range(10, 400, 10))])
    for rows in (390, 391, 392):
        selector.advance([False])
        selector.select(0, torch.ones((1, 1, 1, 16)), keys[:, :, :rows])
    best = selector.attribution()[0]
    assert (best.start, best.end) == (100, 110)
    assert best.weight > 0.9
