"""A manifest survives its file exactly, and any other file is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.core.errors import IndexCorrupt
from skerry.retrieval.index.manifest import (
    BuildFacts,
    CorpusEntry,
    FileEntry,
    LegEntry,
    Manifest,
    ModelEntry,
    result_hash,
)

_WHERE = Path("DIR/manifest.json")
_names = st.text(min_size=1, max_size=8)
_hashes = st.text("0123456789abcdef", min_size=8, max_size=8)
_options = st.one_of(
    st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
)
_legs = st.builds(
    LegEntry,
    parameters=st.dictionaries(_names, _options, max_size=3),
    digest=_hashes,
    key=_hashes,
    model=st.none() | st.builds(ModelEntry, _names, _hashes, _hashes),
)
_manifests = st.builds(
    Manifest,
    version=_names,
    created=_names,
    skerry=_names,
    spec=_hashes,
    passages_key=_hashes,
    corpus=st.builds(
        CorpusEntry,
        format=_names,
        name=_names,
        fingerprint=_hashes,
        pages=st.integers(0, 9),
        passages=st.integers(0, 9),
        digest=_hashes,
        skipped=st.dictionaries(_names, st.integers(1, 9), max_size=2),
    ),
    chunking=st.dictionaries(_names, _options, max_size=2),
    legs=st.dictionaries(_names, _legs, max_size=2),
    files=st.dictionaries(_names, st.builds(FileEntry, st.integers(0, 9), _hashes), max_size=3),
    result_hash=_hashes,
    build=st.builds(BuildFacts, engine=_names, seconds=st.dictionaries(_names, st.floats(0, 9), max_size=2)),
)


@given(_manifests)
def test_round_trip(manifest: Manifest) -> None:
    assert Manifest.from_bytes(manifest.to_bytes(), _WHERE) == manifest


@given(_manifests, st.data())
def test_any_changed_byte_is_refused(manifest: Manifest, data: st.DataObject) -> None:
    raw = bytearray(manifest.to_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(IndexCorrupt, match=r"manifest\.json"):
        Manifest.from_bytes(bytes(raw), _WHERE)


@given(_manifests, st.data())
def test_any_truncation_is_refused(manifest: Manifest, data: st.DataObject) -> None:
    raw = manifest.to_bytes()
    with pytest.raises(IndexCorrupt, match=r"manifest\.json"):
        Manifest.from_bytes(raw[: data.draw(st.integers(0, len(raw) - 1))], _WHERE)


def test_another_format_version_is_named() -> None:
    with pytest.raises(IndexCorrupt, match="format version 999"):
        Manifest.from_bytes(b'{"format_version": 999}', _WHERE)


def test_the_result_hash_depends_on_everything_that_matters() -> None:
    model = ModelEntry("a", "w", "t")
    leg = LegEntry({"b": 0.4}, "digest", "key", model)
    base = result_hash("passages", {"dense": leg})
    others = [
        result_hash("other", {"dense": leg}),
        result_hash("passages", {"bm25": leg}),
        result_hash("passages", {"dense": LegEntry({"b": 0.5}, "digest", "key", model)}),
        result_hash("passages", {"dense": LegEntry({"b": 0.4}, "other", "key", model)}),
        result_hash("passages", {"dense": LegEntry({"b": 0.4}, "digest", "key", ModelEntry("a", "x", "t"))}),
        result_hash("passages", {"dense": LegEntry({"b": 0.4}, "digest", "key", ModelEntry("a", "w", "x"))}),
        result_hash("passages", {"dense": LegEntry({"b": 0.4}, "digest", "key", None)}),
    ]
    assert len({base, *others}) == len(others) + 1
    renamed = LegEntry({"b": 0.4}, "digest", "another key", ModelEntry("another name", "w", "t"))
    assert result_hash("passages", {"dense": renamed}) == base
