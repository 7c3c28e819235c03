"""Reading gold and guess files: plain and compressed, and every broken line named with its place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from skerry.core.errors import InvalidInput, NotFound
from skerry.evaluation.gold import Output, read_gold, read_records

LINES = [
    {"id": "a", "input": "Who?", "output": [{"answer": "me", "provenance": [{"wikipedia_id": "1"}]}]},
    {"id": 7, "input": "Where?", "output": [{"answer": 12}, {"provenance": []}, {"answer": None}]},
    {"id": " b ", "input": "Wo, é?"},
]
TEXT = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in LINES).encode()


@pytest.mark.parametrize("packed", ["plain", "gz", "zst", "bom", "crlf", "no last line break"])
def test_reads(tmp_path: Path, packed: str) -> None:
    data = {
        "plain": TEXT,
        "gz": gzip.compress(TEXT),
        "zst": zstandard.compress(TEXT),
        "bom": b"\xef\xbb\xbf" + TEXT,
        "crlf": TEXT.replace(b"\n", b"\r\n") + b"\r\n\r\n",
        "no last line break": TEXT.rstrip(),
    }[packed]
    path = tmp_path / "gold.jsonl"
    path.write_bytes(data)
    first, second, third = read_gold(path)
    assert (first.id, first.raw_id, first.input, first.where) == ("a", "a", "Who?", f"{path}:1")
    assert first.outputs == (Output("me", ({"wikipedia_id": "1"},)),)
    assert (second.id, second.raw_id) == ("7", 7)
    assert second.outputs == (Output("12", None), Output(None, ()), Output(None, None))
    assert (third.id, third.raw_id, third.outputs, third.input) == ("b", " b ", (), "Wo, é?")
    assert [record.id for record in read_gold(path, limit=2)] == ["a", "7"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "not valid JSON"),
        (b'{"id": 1, "output": [', "not valid JSON"),
        (b"[1]", "is a list, not a JSON object"),
        (b"3", "is a number, not"),
        (b'{"id": "\xff"}', "byte 9 of the line is not valid UTF-8"),
        (b"{}", "the id is None"),
        (b'{"id": true}', "the id is True"),
        (b'{"id": 1.5}', "the id is 1.5"),
        (b'{"id": " "}', "the id is ' '"),
        (b'{"id": "a"}', "the id 'a' was in line 1 before"),
        (b'{"id": 1, "input": 2}', "the input is a number"),
        (b'{"id": 1, "output": {}}', "the output is an object, not a list"),
        (b'{"id": 1, "output": null}', "the output is null"),
        (b'{"id": 1, "output": ["x"]}', "output 0 is a string, not an object"),
        (b'{"id": 1, "output": [{}, {"answer": ["x"]}]}', "output 1: the answer is a list"),
        (b'{"id": 1, "output": [{"answer": true}]}', "output 0: the answer is true or false"),
        (b'{"id": 1, "output": [{"provenance": {}}]}', "output 0: the provenance is not a list"),
        (
            b'{"id": 1, "output": [{"provenance": ["p"]}]}',
            "output 0: the provenance is not a list of objects",
        ),
    ],
)
def test_broken_lines(tmp_path: Path, line: bytes, message: str) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_bytes(b'{"id": "a"}\n\n' + line + b"\n")
    with pytest.raises(InvalidInput, match=rf"gold\.jsonl:3: .*{message.replace('[', '.')}"):
        read_gold(path)


def test_broken_files(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no gold file"):
        read_gold(tmp_path / "missing")
    with pytest.raises(NotFound, match="no guess file"):
        list(read_records(tmp_path, kind="guess"))
    (tmp_path / "empty").write_bytes(b"\n\n")
    with pytest.raises(InvalidInput, match="has no questions"):
        read_gold(tmp_path / "empty")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(TEXT * 1)[:-20])
    with pytest.raises(InvalidInput, match=r"cut\.gz"):
        read_gold(tmp_path / "cut.gz")
    (tmp_path / "good").write_bytes(TEXT)
    with pytest.raises(InvalidInput, match="limit is 0"):
        read_gold(tmp_path / "good", limit=0)
