"""The bench of the title tree: what it draws, measures and says."""

from __future__ import annotations

import json
from itertools import chain

import numpy as np
import pytest
from click.testing import CliRunner

from skerry.benchmarks.title_tree.measure import measure
from skerry.benchmarks.title_tree.peer import DictTree, memory_of
from skerry.benchmarks.title_tree.run import Report, run
from skerry.benchmarks.title_tree.show import lines
from skerry.benchmarks.title_tree.titles import END, WIDTH, draw_titles, encode, texts
from skerry.retrieval.corpusbrain.naming import name_pages
from skerry.services.cli.bench import bench


@pytest.fixture(scope="module")
def report() -> Report:
    said: list[str] = []
    found = run(3_000, 1, said.append)
    assert said
    return found


def test_everything_is_measured(report: Report) -> None:
    assert report.agree
    assert (report.whole.titles, report.sample.titles, report.peer.titles) == (3_000,) * 3
    assert report.whole.size == report.sample.size < report.peer.size
    assert report.whole.times.widest_children > report.whole.times.path_children >= 1
    assert report.build["peak_bytes"] >= report.build["names_peak_bytes"] > report.build["before_bytes"]
    for tree in (report.whole, report.sample, report.peer):
        times = tree.times
        assert min(tree.build_s, times.path_us, times.root_us, times.widest_us, times.walk_us) > 0
        assert times.root_children == report.whole.times.root_children
        assert times.path_children == report.whole.times.path_children


def test_the_report_can_be_read_by_people_and_programs(report: Report) -> None:
    text = "\n".join(lines(report))
    assert "3,000 drawn titles" in text and "Every title asked for led to its page" in text
    assert json.loads(json.dumps(report.json()))["whole"]["size"] == report.whole.size


def test_the_command_prints_one_json_object() -> None:
    done = CliRunner().invoke(bench, ["title-tree", "--titles", "200", "--seed", "3", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["whole"]["titles"] == 200


@pytest.mark.parametrize("arguments", [["--titles", "0"], ["--seed", "-1"], ["--titles", "many"]])
def test_wrong_numbers_are_refused(arguments: list[str]) -> None:
    assert CliRunner().invoke(bench, ["title-tree", *arguments]).exit_code == 2


def test_titles_are_like_wikipedias() -> None:
    rows = draw_titles(20_000, 0)
    assert rows.shape == (20_000, WIDTH)
    assert rows.dtype == np.uint16
    titles = texts(rows)
    sizes = [len(title) for title in titles]
    assert min(sizes) == 1 and max(sizes) <= WIDTH and 4 < np.mean(sizes) < 6
    assert all((row[size:] == 0).all() and row[:size].all() for row, size in zip(rows, sizes, strict=True))
    assert 0.98 < len(set(titles)) / len(titles) < 1
    assert 0.13 < np.mean([title.endswith(")") and "(" in title for title in titles]) < 0.17
    np.testing.assert_array_equal(rows, draw_titles(20_000, 0))
    assert titles != texts(draw_titles(20_000, 1))
    assert END not in chain.from_iterable(encode(titles))


def test_the_peer_has_the_same_names() -> None:
    names = name_pages(["ab", "abc", "ab", "b"], encode)
    tree = DictTree(names)
    for page in range(len(names)):
        assert tree.page(tree.walk((*names[page].tolist(), END))) == page
    assert sorted(tree.children(tree.root)) == [ord("a"), ord("b")]
    assert memory_of(names) > 0
    times, pages = measure(tree, encode(["abc", "b"]), 0)
    assert pages == [1, 3]
    assert times.root_children == 2 and times.walk_tokens == 3
