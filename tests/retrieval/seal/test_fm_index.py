"""The FM-index's file: what is written is opened, shared, and never silently damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skerry.core.errors import IndexCorrupt, InvalidInput
from skerry.kernels.fm_index import FmIndex
from skerry.retrieval.seal import fm_index

_ALPHABET = 5_000


def passages(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 60, count)
    return (rng.zipf(1.3, lengths.sum()) % _ALPHABET).astype(np.uint32), lengths


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seal") / "seal.fm"
    fm_index.build(path, *passages(1, 300), _ALPHABET, locate_every=3)
    return path


def use(index: FmIndex) -> None:
    """Call everything, as a retriever would."""
    everything = index.everything()
    _, tokens, ranges = index.continuations(np.concatenate([everything, index.beginnings()]))
    index.extend(ranges[:50], tokens[:50])
    index.probe(ranges[:20], tokens[:20])
    index.find(np.arange(len(tokens) + 1), tokens)
    index.allowed_top(np.zeros((20, index.alphabet), np.float32), ranges[:20], 5)
    index.locate(np.arange(index.rows), np.zeros(index.rows, np.int64))
    index.extract(np.arange(index.passages))


def test_what_is_written_is_opened(built: Path) -> None:
    tokens, lengths = passages(1, 300)
    index = fm_index.open(built, verify=True)
    assert (index.passages, index.tokens, index.alphabet) == (300, len(tokens), _ALPHABET)
    assert index.size_bytes == built.stat().st_size
    assert index.locate_every == 3
    offsets, contents = index.extract(np.arange(300))
    np.testing.assert_array_equal(contents, tokens)
    np.testing.assert_array_equal(np.diff(offsets), lengths)
    use(index)


def test_building_again_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    fm_index.build(tmp_path / "again.fm", *passages(1, 300), _ALPHABET, locate_every=3)
    assert (tmp_path / "again.fm").read_bytes() == built.read_bytes()


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        fm_index.build(tmp_path / "seal.fm", [1, 2], [5], 10)
    assert not list(tmp_path.iterdir())


def test_every_flipped_byte_is_found_and_named(built: Path, tmp_path: Path) -> None:
    image = bytearray(built.read_bytes())
    path = tmp_path / "damaged.fm"
    places = {*range(0, 320, 7), *np.linspace(320, len(image) - 1, 150, dtype=int).tolist()}
    for place in sorted(places):
        image[place] ^= 0x40
        path.write_bytes(image)
        with pytest.raises(IndexCorrupt, match="damaged"):
            fm_index.open(path, verify=True)
        image[place] ^= 0x40
    path.write_bytes(image)
    fm_index.open(path, verify=True)


def test_a_shorter_or_longer_file_is_found_without_reading_it(built: Path, tmp_path: Path) -> None:
    image = built.read_bytes()
    path = tmp_path / "cut.fm"
    for damaged in (
        b"",
        image[:7],
        image[:319],
        image[:320],
        image[: len(image) // 2],
        image[:-1],
        image + b"\0",
    ):
        path.write_bytes(damaged)
        with pytest.raises(IndexCorrupt, match="cut") as raised:
            fm_index.open(path)
        assert raised.value.details["path"] == str(path)


def test_a_missing_file_and_another_kind_of_file(tmp_path: Path) -> None:
    with pytest.raises(IndexCorrupt, match="nowhere"):
        fm_index.open(tmp_path / "nowhere.fm")
    (tmp_path / "text.fm").write_bytes(b"some text" * 100)
    with pytest.raises(IndexCorrupt, match="does not start like an FM-index"):
        fm_index.open(tmp_path / "text.fm")


def test_another_version_is_named(built: Path, tmp_path: Path) -> None:
    image = bytearray(built.read_bytes())
    image[8] = 9
    (tmp_path / "newer.fm").write_bytes(image)
    with pytest.raises(IndexCorrupt, match="version is 9"):
        fm_index.open(tmp_path / "newer.fm")


def test_unverified_damage_never_leads_outside(built: Path, tmp_path: Path) -> None:
    """Opened without `verify`, damaged sections may give wrong answers or are named, nothing else.

    What is asked for comes from the index itself, so that it is never the asker's mistake.
    """
    rng = np.random.default_rng(7)
    image = np.frombuffer(built.read_bytes(), np.uint8)
    path = tmp_path / "damaged.fm"
    survived = 0
    for _ in range(60):
        damaged = image.copy()
        start = int(rng.integers(320, len(image) - 64))
        damaged[start : start + int(rng.integers(1, 4000))] = rng.integers(0, 256)
        damaged.tofile(path)
        try:
            use(fm_index.open(path))
        except IndexCorrupt:
            continue
        survived += 1
    assert survived < 60


def test_processes_open_the_same_file(built: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from skerry.retrieval.seal import fm_index;"
        "index = fm_index.open(Path(sys.argv[1])); print(index.count(index.everything())[0])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(built)], capture_output=True, text=True, check=True
    )
    assert int(answer.stdout) == fm_index.open(built).rows
