"""The title tree says what a slow tree of dicts says, and a damaged file is never read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skerry.core.errors import BackendUnavailable, IndexCorrupt, InvalidInput
from skerry.retrieval.corpusbrain.naming import Names, name_pages
from skerry.retrieval.corpusbrain.title_tree import TitleTree, build_tree

END = 2
Row = tuple[int, ...]


def names_of(rows: Sequence[Row]) -> Names:
    return Names(
        np.array([token for row in rows for token in row], np.uint32),
        np.cumsum([0, *map(len, rows)], dtype=np.int64),
    )


def built(folder: Path, rows: Sequence[Row], end: int = END) -> TitleTree:
    build_tree(names_of(rows), end, folder / "titles.tree")
    return TitleTree.open(folder / "titles.tree")


def slow_tree(rows: Sequence[Row], end: int) -> dict[Row, list[int]]:
    """Of every beginning of a name, the name and its end included, what follows, ascending."""
    follow: dict[Row, set[int]] = {(): set()}
    for row in rows:
        name = (*row, end)
        for size, token in enumerate(name):
            follow.setdefault(name[:size], set()).add(token)
        follow[name] = set()
    return {beginning: sorted(tokens) for beginning, tokens in follow.items()}


def decodable(tree: TitleTree) -> Iterator[tuple[Row, int]]:
    """(sequence, node) of every node, by its children."""
    waiting: list[tuple[Row, int]] = [((), tree.root)]
    while waiting:
        sequence, node = waiting.pop()
        yield sequence, node
        first = tree.first_child(node)
        waiting += [
            ((*sequence, token), first + place) for place, token in enumerate(tree.children(node).tolist())
        ]


def check(tree: TitleTree, rows: Sequence[Row], end: int) -> None:
    """Everything that the tree says."""
    slow = slow_tree(rows, end)
    pages = {(*row, end): page for page, row in enumerate(rows)}
    assert (tree.end, tree.pages, tree.nodes) == (end, len(rows), len(slow))
    found = dict(decodable(tree))
    assert found.keys() == slow.keys()
    assert sorted(found.values()) == list(range(tree.nodes))
    assert {sequence for sequence in found if sequence[-1:] == (end,)} == pages.keys()
    some = sorted({token for row in rows for token in row} | {end, 0, 1, 65_535, 65_536, 2**32 - 1})
    for sequence, node in found.items():
        assert tree.children(node).tolist() == slow[sequence]
        assert tree.page(node) == pages.get(sequence, -1)
        assert tree.walk(sequence) == node
        for token in {*slow[sequence], *some[:20], *some[-3:]}:
            assert tree.child(node, token) == found.get((*sequence, token), -1)


_TOKENS = st.sampled_from([0, 1, 3, 4, 5, 700, 65_535])
_HUGE = st.sampled_from([0, 3, 65_535, 65_536, 2**31, 2**32 - 1])


@pytest.mark.parametrize("tokens", [_TOKENS, _HUGE])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_can_be_decoded_are_the_names(
    tmp_path: Path, tokens: st.SearchStrategy[int], data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.lists(tokens, max_size=6).map(tuple), unique=True, max_size=40))
    check(built(tmp_path, rows), rows, END)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [()],
        [(5,)],
        [(3, 4, 5), (3, 4), (3,), (), (3, 4, 5, 6)],
        [(number,) for number in range(3, 300)],
        [(3,) * size for size in range(60)],
    ],
    ids=["no page", "one empty name", "one page", "beginnings of one another", "wide", "deep"],
)
def test_odd_corpora(tmp_path: Path, rows: list[Row]) -> None:
    check(built(tmp_path, rows), rows, END)


def test_a_name_of_thousands_of_tokens(tmp_path: Path) -> None:
    rows = [(7,) * 2_000, (7,) * 1_999, (7,) * 1_000 + (8,) * 1_000]
    tree = built(tmp_path, rows)
    assert tree.nodes == 1 + 2_000 + 1_000 + 3
    assert [tree.page(tree.walk((*row, END))) for row in rows] == [0, 1, 2]
    assert tree.walk((7,) * 2_001) == tree.walk((7,) * 1_998 + (END,)) == -1


@pytest.mark.parametrize("end", [0, 1, 65_535, 65_536, 2**32 - 1])
def test_any_token_may_end_titles(tmp_path: Path, end: int) -> None:
    rows = [(3, 4), (3,), (4, 5, 3), ()]
    tree = built(tmp_path, rows, end)
    check(tree, rows, end)
    assert tree.children(tree.root).dtype == (np.uint16 if end < 1 << 16 else np.uint32)


def test_titles_from_their_names_on(tmp_path: Path) -> None:
    def encode(texts: Sequence[str]) -> list[list[int]]:
        return [[ord(sign) if sign.isascii() else 1 for sign in text.lower()] for text in texts]

    titles = ["Owl", "owl", "OWL", "Owl (2)", "日本", "中国", "x" * 2_000, "x" * 1_900, "Ow", ""]
    names = name_pages(titles, encode)
    rows = [tuple(names[page].tolist()) for page in range(len(names))]
    build_tree(names, END, tmp_path / "titles.tree")
    check(TitleTree.open(tmp_path / "titles.tree"), rows, END)


def test_a_large_corpus(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    drawn = (rng.zipf(1.3, (30_000, 5)) % 900 + 3).tolist()
    rows = list({tuple(row[: rng.integers(1, 6)]): None for row in drawn})
    tree = built(tmp_path, rows)
    assert tree.nodes == len(slow_tree(rows, END))
    for page, row in enumerate(rows):
        assert tree.page(tree.walk((*row, END))) == page
    assert tree.walk((1,)) == tree.walk((3, END, 3)) == -1


def test_no_node_has_nothing_and_a_number_of_none_is_refused(tmp_path: Path) -> None:
    tree = built(tmp_path, [(3, 4), (5,)])
    assert tree.children(-1).tolist() == []
    assert tree.child(-1, 3) == tree.page(-1) == -1
    for node in (-2, tree.nodes, 2**40):
        assert tree.page(node) == -1
        for call in (tree.children, tree.first_child, lambda node: tree.child(node, 3)):
            with pytest.raises(InvalidInput, match=f"no node {node}"):
                call(node)


def test_children_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        built(tmp_path, [(3, 4)]).children(0)[0] = 1


def test_equal_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="Pages 1 and 3 have the same name"):
        built(tmp_path, [(3,), (3, 4), (4,), (3, 4)])
    assert not list(tmp_path.iterdir())


def test_a_name_with_the_end_inside_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="page 2 has the token 2"):
        built(tmp_path, [(3,), (), (4, END), (5,)])


@pytest.mark.parametrize("end", [-1, 2**32])
def test_an_end_that_is_no_token_is_refused(tmp_path: Path, end: int) -> None:
    with pytest.raises(InvalidInput, match=str(end)):
        built(tmp_path, [(3,)], end)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable, match="absent"):
        built(tmp_path / "absent", [(3,)])


def test_the_order_of_pages_shows_in_the_pages_only(tmp_path: Path) -> None:
    rows = [(3, 4), (3,), (5, 6, 7)]
    one = built(tmp_path, rows)
    before = one.path.read_bytes()
    other = built(tmp_path, rows[::-1])
    assert list(decodable(one)) == list(decodable(other))
    assert one.page(one.walk((3, END))) == other.page(other.walk((3, END))) == 1
    assert one.page(one.walk((3, 4, END))) == 0 and other.page(other.walk((3, 4, END))) == 2
    assert built(tmp_path, rows).path.read_bytes() == before


def test_every_flipped_byte_and_every_cut_is_damage(tmp_path: Path) -> None:
    path = built(tmp_path, [(3, 4), (3,), (5, 6, 7), ()]).path
    whole = path.read_bytes()
    for place in range(len(whole)):
        for flip in (1, 0x80, 0xFF):
            damaged = bytearray(whole)
            damaged[place] ^= flip
            refused(path, bytes(damaged))
        refused(path, whole[:place])
    refused(path, whole + b"\0")
    refused(path, b"")
    path.unlink()
    with pytest.raises(IndexCorrupt, match=r"titles\.tree"):
        TitleTree.open(path)


def refused(path: Path, data: bytes) -> None:
    # A new file, not the old one's bytes: others have that mapped.
    path.unlink()
    path.write_bytes(data)
    with pytest.raises(IndexCorrupt, match=r"titles\.tree") as caught:
        TitleTree.open(path)
    assert caught.value.details["path"] == str(path)
