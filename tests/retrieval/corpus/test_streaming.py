"""Memory does not grow with the corpus; ids are remembered in 16 bytes."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.retrieval.corpus.readers import seen
from skerry.retrieval.corpus.store import PassageStore

_PAGES = 40_000
_MIB = 1 << 20


_CHILD = """
import resource, sys
from pathlib import Path
from skerry.retrieval.corpus.chunking import Chunking, chunk_page
from skerry.retrieval.corpus.readers import open_corpus
from skerry.retrieval.corpus.store import PassageWriter

with PassageWriter(Path(sys.argv[2])) as writer:
    for number, page in enumerate(open_corpus(Path(sys.argv[1]), "kilt")):
        for passage in chunk_page(page, Chunking()):
            writer.append(passage)
        if number == 4000:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_reading_chunking_and_writing_stream(tmp_path: Path) -> None:
    source = tmp_path / "pages.jsonl.gz"
    with gzip.open(source, "wt", compresslevel=1) as file:
        for number in range(_PAGES):
            text = f"Rock {number} stands in the sea. " * 24
            record = {"wikipedia_id": f"rock{number}", "wikipedia_title": "Rock", "text": ["Rock", text]}
            file.write(json.dumps(record) + "\n")
    command = [sys.executable, "-c", _CHILD, str(source), str(tmp_path / "store")]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    store = PassageStore.open(tmp_path / "store")
    assert store.page_count == _PAGES
    assert store.text_bytes > 24 * _MIB
    assert grown < 8 * _MIB
    assert store[store.ordinal("rock31415#0")].page_id == "rock31415"


def test_ids_take_sixteen_bytes() -> None:
    ids = seen.SeenIds()
    assert all(ids.add(str(number)) for number in range(50_000))
    assert ids.stored_bytes() == 16 * (50_000 - 50_000 % ids.LIMIT)
    assert not any(ids.add(str(number)) for number in range(0, 50_000, 117))
    assert ids.add("another")


@settings(deadline=None)
@given(st.lists(st.text(max_size=2)))
def test_seen_ids_are_a_set(names: list[str]) -> None:
    ids, known = seen.SeenIds(), set[str]()
    for name in names:
        assert ids.add(name) == (name not in known)
        known.add(name)


def test_runs_of_ids_are_searched_too() -> None:
    ids = seen.SeenIds()
    ids.LIMIT = 4
    known = set[str]()
    for number in range(3000):
        name = str(number * number % 1009)
        assert ids.add(name) == (name not in known)
        known.add(name)
