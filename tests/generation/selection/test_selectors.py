"""What every selector keeps to, and what is each one's own."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from skerry.core.errors import InvalidInput
from skerry.generation.attention.state import RowRanges
from skerry.generation.selection.base import SELECTORS, KeyValueSelector, make_selector
from skerry.generation.selection.sentence import RECENT, SINKS

_HEADS, _KV, _SIZE = 6, 2, 8
_CHOOSING = sorted(set(SELECTORS) - {"full"})


def _tensors(rows: int, batch: int = 1, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    keys = torch.randn((batch, _KV, rows, _SIZE), generator=random)
    queries = 1 + torch.randn((batch, _HEADS, rows, _SIZE), generator=random) / 2
    return queries, keys


def _decode(
    selector: KeyValueSelector,
    queries: torch.Tensor,
    keys: torch.Tensor,
    prompt: int,
    opens: frozenset[int] = frozenset(),
    layer: int = 3,
) -> list[list[list[int]]]:
    """Feed a prompt and then the other rows one by one; for each of these, the rows that each head reads."""
    ends = list(range(9, prompt, 9))
    selector.begin([ends] * len(keys))
    selector.observe(layer, queries[:, :, :prompt], keys[:, :, :prompt])
    chosen = []
    for row in range(prompt, keys.shape[2]):
        selector.advance([row in opens] * len(keys))
        chosen.append(_rows(selector.select(layer, queries[:, :, row : row + 1], keys[:, :, : row + 1])))
    return chosen


def _rows(chosen: RowRanges | None) -> list[list[int]]:
    assert chosen is not None
    return [
        [row for low, high in chosen.ranges[start:end].tolist() for row in range(low, high)]
        for start, end in pairwise(chosen.starts.tolist())
    ]


def _all(rows: list[list[int]]) -> bool:
    return all(one == list(range(one[-1] + 1)) for one in rows)


@pytest.mark.parametrize("name", _CHOOSING)
@pytest.mark.parametrize("budget", [1, 100, 160, 300])
def test_sinks_and_recent_rows_are_always_read_within_the_budget(name: str, budget: int) -> None:
    queries, keys = _tensors(460)
    some = 0
    for number, chosen in enumerate(_decode(make_selector(name, budget), queries, keys, 420)):
        last = 420 + number
        if chosen[0] == list(range(last + 1)):
            continue
        some += 1
        for rows in chosen:
            assert rows == sorted(set(rows))
            assert set(range(SINKS)) <= set(rows)
            assert set(range(last + 1 - RECENT, last + 1)) <= set(rows)
            assert rows[-1] == last
        # What is always read may be more than a small budget; ActQKV gives a layer up to twice its part, and
        # with "sentence" the heads share.
        most = max(budget, SINKS + RECENT + 128) * (2 if name == "actqkv" else 1)
        assert sum(map(len, chosen)) <= most * _KV
        assert name == "sentence" or all(len(rows) <= most for rows in chosen)
    assert some > 20


@pytest.mark.parametrize("name", sorted(SELECTORS))
def test_everything_is_read_where_the_budget_holds_it(name: str) -> None:
    queries, keys = _tensors(300)
    for number, chosen in enumerate(_decode(make_selector(name, 300), queries, keys, 260), 261):
        assert chosen == [list(range(number))] * _KV


# Recycled reads everything when a batch's queries drift on average; ActQKV shares out a batch's budget.
@pytest.mark.parametrize("name", sorted(set(_CHOOSING) - {"recycled", "actqkv"}))
def test_a_batch_chooses_for_each_as_alone(name: str) -> None:
    queries, keys = _tensors(330, batch=2)
    both = _decode(make_selector(name, 128), queries, keys, 300)
    alone = [_decode(make_selector(name, 128), queries[n : n + 1], keys[n : n + 1], 300) for n in range(2)]
    for together, *single in zip(both, *alone, strict=True):
        assert together == single[0] + single[1]


@pytest.mark.parametrize("name", _CHOOSING)
def test_a_new_selector_on_the_same_cache_finds_what_the_first_did(name: str) -> None:
    queries, keys = _tensors(400)
    first = _decode(make_selector(name, 128), queries, keys, 380)
    assert _decode(make_selector(name, 128), queries, keys, 380) == first


@pytest.mark.parametrize("name", ["sentence", "sentencekv", "quest", "actqkv", "routing"])
def test_the_rows_that_a_query_asks_for_are_chosen(name: str) -> None:
    queries, keys = _tensors(420)
    keys *= 0.1
    keys[:, :, 198:207] = 3.0  # a sentence, between two ends, and within a page
    queries[:] = 1.0
    chosen = _decode(make_selector(name, 160), queries, keys, 410)[-1]
    for rows in chosen:
        assert set(range(198, 207)) <= set(rows)


def test_recycled_rows_are_those_with_most_attention() -> None:
    queries, keys = _tensors(420)
    keys *= 0.1
    keys[:, :, 198:207] = 3.0
    queries[:] = 1.0
    chosen = _decode(make_selector("recycled", 128), queries, keys, 410)[0]
    for rows in chosen:
        assert set(range(198, 207)) <= set(rows)


def test_recycled_reads_everything_when_the_query_turns() -> None:
    queries, keys = _tensors(420)
    queries[:] = 1.0
    queries[:, :, 415] = -1.0
    chosen = _decode(make_selector("recycled", 128), queries, keys, 410)
    assert [_all(one) for one in chosen] == [False] * 5 + [True, True] + [False] * 3


def test_the_first_token_of_a_sentence_reads_everything() -> None:
    queries, keys = _tensors(420)
    chosen = _decode(make_selector("sentence", 128), queries, keys, 410, opens=frozenset({412, 417}))
    assert [_all(one) for one in chosen] == [number in (0, 2, 7) for number in range(10)]
    chosen = _decode(make_selector("sentencekv", 128), queries, keys, 410, opens=frozenset({412, 417}))
    assert [_all(one) for one in chosen] == [number in (2, 7) for number in range(10)]


def test_a_long_sentence_of_an_answer_keeps_the_budget() -> None:
    queries, keys = _tensors(480)
    chosen = _decode(make_selector("sentence", 160), queries, keys, 410)
    assert [number for number, one in enumerate(chosen) if _all(one)] == [0]
    assert all(sum(map(len, one)) <= 160 * _KV for one in chosen[1:])


def test_heads_that_look_at_little_leave_their_part_to_others() -> None:
    random = torch.Generator().manual_seed(1)
    keys = torch.randn((1, 2, 600, 8), generator=random) * 0.1
    keys[:, 0, 198:207] = 3.0  # the first KV head looks at one sentence, the second everywhere
    queries = torch.ones((1, 4, 600, 8))
    chosen = _decode(make_selector("sentence", 200), queries, keys, 598)[-1]
    assert set(range(198, 207)) <= set(chosen[0])
    assert len(chosen[0]) < 200 < len(chosen[1])
    assert len(chosen[0]) + len(chosen[1]) <= 400


@pytest.mark.parametrize("name", ["sentence", "sentencekv"])
def test_a_sequence_of_a_batch_begins_a_sentence_by_itself(name: str) -> None:
    queries, keys = _tensors(420, batch=2)
    selector = make_selector(name, 128)
    selector.begin([list(range(9, 419, 9))] * 2)
    selector.observe(0, queries[:, :, :418], keys[:, :, :418])
    selector.advance([False, False])
    selector.select(0, queries[:, :, 418:419], keys[:, :, :419])
    selector.advance([True, False])
    rows = _rows(selector.select(0, queries[:, :, 419:], keys))
    assert rows[0] == rows[1] == list(range(420))
    assert len(rows[2]) + len(rows[3]) <= 2 * 128


@pytest.mark.parametrize("name", ["sentence", "sentencekv"])
def test_sentences_of_the_answer_are_chosen_like_those_of_the_prompt(name: str) -> None:
    queries, keys = _tensors(600)
    keys *= 0.1
    keys[:, :, 450:459] = 3.0
    queries[:] = 1.0
    opens = frozenset(range(450, 600, 9))
    chosen = _decode(make_selector(name, 192), queries, keys, 410, opens)[-1]
    for rows in chosen:
        assert set(range(450, 459)) <= set(rows)


def test_an_endless_sentence_is_cut() -> None:
    queries, keys = _tensors(900)
    selector = make_selector("sentencekv", 200)
    selector.begin([[]])
    selector.observe(0, queries[:, :, :-1], keys[:, :, :-1])
    selector.advance([False])
    chosen = _rows(selector.select(0, queries[:, :, -1:], keys))
    assert all(128 < len(rows) <= 200 for rows in chosen)


@pytest.mark.parametrize("budget", [0, -1, 2**20 + 1, 1.5, True])
def test_a_budget_out_of_its_range_is_refused(budget: int) -> None:
    with pytest.raises(InvalidInput, match=r"budget is .* from 1 to 1048576") as error:
        make_selector("sentence", budget)
    assert error.value.details["field"] == "budget"


def test_an_unknown_selector_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="'sentance'; known: actqkv, full, quest") as error:
        make_selector("sentance", 512)
    assert error.value.details["field"] == "selector"
