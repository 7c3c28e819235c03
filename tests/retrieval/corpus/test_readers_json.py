"""The readers of JSON lines: what they read, and what they say about lines that they cannot."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from skerry.core.errors import BackendUnavailable, InvalidInput, NotFound
from skerry.retrieval.corpus.readers import READERS, open_corpus
from skerry.retrieval.corpus.records import Anchor, Page


def _anchor(**change: Any) -> dict[str, Any]:
    return {"text": "rock", "href": "Rock", "paragraph_id": 1, "start": 14, "end": 18, **change}


def _kilt(number: int, **change: Any) -> dict[str, Any]:
    title = f"Skerry {number}"
    record = {
        "_id": str(number),
        "wikipedia_id": str(number),
        "wikipedia_title": title,
        "text": [
            f"{title}\n",
            f"Skerry {number} is a rock.\n",
            "Section::::Birds.\n",
            "BULLET::::- Gulls.\n",
        ],
        "anchors": [
            {"text": "rock", "href": "Rock%20%28geology%29", "paragraph_id": 1, "start": 14, "end": 18}
        ],
        "categories": "Rocks,Islands",
    }
    return {**record, **change}


def _lines(*records: Any) -> bytes:
    return b"".join(
        record if isinstance(record, bytes) else json.dumps(record, ensure_ascii=False).encode() + b"\n"
        for record in records
    )


def _file(folder: Path, *records: Any, name: str = "pages.jsonl") -> Path:
    path = folder / name
    path.write_bytes(_lines(*records))
    return path


def test_kilt_lines_keep_paragraphs_anchors_and_categories(tmp_path: Path) -> None:
    path = _file(tmp_path, _kilt(1), _kilt(2, wikipedia_id=77, anchors=None, categories=["a", "b"]), b"\n")
    reader = open_corpus(path, "kilt")
    first, second = reader
    assert first == Page(
        id="1",
        title="Skerry 1",
        paragraphs=("Skerry 1\n", "Skerry 1 is a rock.\n", "Section::::Birds.\n", "BULLET::::- Gulls.\n"),
        anchors=(Anchor("rock", "Rock (geology)", 1, 14, 18),),
        metadata={"categories": "Rocks,Islands"},
    )
    assert (second.id, second.anchors, second.metadata) == ("77", (), {"categories": "a,b"})
    assert list(reader) == [first, second]
    assert (reader.source_bytes(), reader.read_bytes()) == (path.stat().st_size, path.stat().st_size)


def test_an_id_may_stand_in_either_field_and_anchors_out_of_range_are_left_out(tmp_path: Path) -> None:
    bad = [_anchor(paragraph_id=9), _anchor(paragraph_id=-1), _anchor(end=500), _anchor(start=18)]
    record = _kilt(5, anchors=bad)
    del record["wikipedia_id"]
    (page,) = open_corpus(_file(tmp_path, record), "kilt")
    assert (page.id, page.anchors) == ("5", ())


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".data"])
@pytest.mark.parametrize(
    "compress",
    [
        bytes,
        gzip.compress,
        lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:]),
        zstandard.compress,
        lambda data: zstandard.compress(data[:100]) + zstandard.compress(data[100:]),
    ],
)
def test_compression_is_told_by_content(
    tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]
) -> None:
    records = [_kilt(number) for number in range(50)]
    path = tmp_path / f"pages{suffix}"
    path.write_bytes(compress(_lines(*records)))
    assert [page.id for page in open_corpus(path, "kilt")] == [str(number) for number in range(50)]


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_record(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + _lines(_kilt(1), _kilt(2)).replace(b"\n", b"\r\n"))
    assert [page.id for page in open_corpus(path, "kilt")] == ["1", "2"]


_BAD_LINES = [
    ("line cut off", "ends in the middle", _lines(_kilt(3))[:120] + b"\n"),
    ("line cut off", "ends in the middle", _lines(_kilt(3))[:-2] + b"\n"),
    ("invalid JSON", "not valid JSON", b"wikipedia_id,title\n"),
    ("invalid JSON", "not usable JSON", b"[" * 100_000 + b"\n"),
    ("not an object", "found list", b'["a"]\n'),
    ("invalid UTF-8", "byte 19 of the line", b'{"wikipedia_id": "\xff"}\n'),
    (
        "missing field wikipedia_id",
        "'wikipedia_id' or '_id' is missing",
        _kilt(3, wikipedia_id=None, _id=None),
    ),
    ("missing field wikipedia_title", "'wikipedia_title' is missing", _kilt(3, wikipedia_title=None)),
    ("missing field text", "'text' is missing; the line has: _id, anchors", _kilt(3, text=None)),
    ("bad id", "the id is True", _kilt(3, wikipedia_id=True)),
    ("bad id", "the id is ' '", _kilt(3, wikipedia_id=" ")),
    ("bad id", "the id is 1.5", _kilt(3, wikipedia_id=1.5)),
    ("bad field wikipedia_title", "is 7", _kilt(3, wikipedia_title=7)),
    ("bad field text", "not a list of strings", _kilt(3, text="Skerry")),
    ("bad field text", "not a list of strings", _kilt(3, text=["Skerry 3", None])),
    ("bad field anchors", "KeyError", _kilt(3, anchors=[{"text": "x"}])),
    ("bad field anchors", "TypeError", _kilt(3, anchors=5)),
    (
        "bad field anchors",
        "TypeError",
        _kilt(3, anchors=[_anchor(paragraph_id="1")]),
    ),
    ("text does not start with the title", "element 0", _kilt(3, text=["A long paragraph. " * 60, "More."])),
    ("page without text", "'3' has no text", _kilt(3, text=["Skerry 3"])),
    ("page without text", "'3' has no text", _kilt(3, text=[])),
    (
        "page without text",
        "'3' has no text",
        _kilt(3, text=["Skerry 3", " \n", "Section::::A.", "BULLET::::- "]),
    ),
    ("duplicate id", "'2' was there before", _kilt(2)),
    (
        "half a surrogate pair",
        "half of a surrogate pair",
        json.dumps(_kilt(3, text=["Skerry 3", "\ud800"])).encode() + b"\n",
    ),
]


@pytest.mark.parametrize(("reason", "message", "line"), _BAD_LINES)
def test_a_bad_line_is_named_or_counted(tmp_path: Path, reason: str, message: str, line: Any) -> None:
    path = _file(tmp_path, _kilt(1), b"\n", _kilt(2), line, _kilt(4))
    seen: list[str] = []
    with pytest.raises(InvalidInput) as caught:
        seen.extend(page.id for page in open_corpus(path, "kilt"))
    assert seen == ["1", "2"]
    assert str(caught.value).startswith(f"{path}:4: ")
    assert message in str(caught.value)
    assert caught.value.hint
    assert caught.value.details == {"where": f"{path}:4", "reason": reason}
    reader = open_corpus(path, "kilt", on_error="skip")
    for _ in range(2):
        assert [page.id for page in reader] == ["1", "2", "4"]
        assert reader.skipped == {reason: 1}


def test_a_duplicate_says_where_it_was_first(tmp_path: Path) -> None:
    path = _file(tmp_path, *[_kilt(number) for number in range(9)], _kilt(4))
    with pytest.raises(InvalidInput, match=r":10: the id '4' was there before, on line 5\."):
        list(open_corpus(path, "kilt"))


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
@pytest.mark.parametrize(("damage", "reason"), [("cut", "file cut off"), ("flip", "compressed data damaged")])
def test_damaged_compression(
    tmp_path: Path, compress: Callable[[bytes], bytes], damage: str, reason: str
) -> None:
    data = bytearray(
        compress(_lines(*[_kilt(n, wikipedia_title=f"{n * 7919 % 104729}") for n in range(3000)]))
    )
    if damage == "cut":
        del data[len(data) // 2 :]
    else:
        data[len(data) // 2 : len(data) // 2 + 40] = b"\xa5" * 40
    path = tmp_path / "pages.jsonl.gz"
    path.write_bytes(data)
    with pytest.raises(InvalidInput) as caught:
        list(open_corpus(path, "kilt"))
    if damage == "cut":
        assert caught.value.details["reason"] == reason
        assert "ends in the middle of its data" in str(caught.value)
    assert f"{path}:" in str(caught.value)
    reader = open_corpus(path, "kilt", on_error="skip")
    assert len(list(reader)) < 3000
    assert sum(reader.skipped.values()) >= 1


def test_trailing_bytes_after_gzip_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "pages.gz"
    path.write_bytes(gzip.compress(_lines(_kilt(1))) + b"more")
    with pytest.raises(InvalidInput, match="compressed data is damaged"):
        list(open_corpus(path, "kilt"))


@pytest.mark.parametrize("content", [b"", b"\n \n", gzip.compress(b""), zstandard.compress(b"")])
@pytest.mark.parametrize("format_name", ["kilt", "beir", "jsonl"])
@pytest.mark.parametrize("on_error", ["fail", "skip"])
def test_an_empty_file(tmp_path: Path, content: bytes, format_name: str, on_error: Any) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="holds no pages"):
        list(open_corpus(path, format_name, on_error=on_error))


@pytest.mark.parametrize("format_name", list(READERS))
def test_a_missing_path(tmp_path: Path, format_name: str) -> None:
    if format_name == "pydoc":
        pytest.skip("the pydoc corpus ships with Python")
    with pytest.raises(NotFound, match="There is no corpus at"):
        open_corpus(tmp_path / "nothing", format_name)


def test_an_unknown_format_and_unknown_options(tmp_path: Path) -> None:
    path = _file(tmp_path, _kilt(1))
    with pytest.raises(NotFound, match="Did you mean 'kilt'"):
        open_corpus(path, "klit")
    with pytest.raises(InvalidInput, match="no option 'text_field'"):
        open_corpus(path, "kilt", text_field="body")
    with pytest.raises(InvalidInput, match="id_field, text_field, title_field"):
        open_corpus(path, "jsonl", body="text")
    with pytest.raises(InvalidInput, match="on_error"):
        open_corpus(path, "kilt", on_error="ignore")  # type: ignore[arg-type]


def test_another_format_than_the_given_one_is_suggested(tmp_path: Path) -> None:
    beir = tmp_path / "beir"
    beir.mkdir()
    _file(beir, {"_id": "d1", "title": "T", "text": "Text."}, name="corpus.jsonl")
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.md").write_text("# A\n\ntext")
    plain = _file(tmp_path, {"id": "1", "text": "Text."}, name="plain.jsonl")
    kilt = _file(tmp_path, _kilt(1), name="kilt.jsonl")
    for path, given, likely in [
        (beir, "kilt", "beir"),
        (beir, "text", "beir"),
        (beir / "corpus.jsonl", "kilt", "beir"),
        (notes, "kilt", "text"),
        (notes, "beir", "text"),
        (notes / "a.md", "kilt", "text"),
        (plain, "kilt", "jsonl"),
        (plain, "text", "jsonl"),
        (kilt, "jsonl", "kilt"),
        (kilt, "beir", "kilt"),
    ]:
        with pytest.raises(InvalidInput, match=f"looks like --format {likely}"):
            list(open_corpus(path, given))


def test_beir_folders(tmp_path: Path) -> None:
    documents = [
        {"_id": "d1", "title": "Tide", "text": "One.\n\nTwo.", "metadata": {"url": "u", "year": 1990}},
        {"_id": "d2", "text": "No title.", "metadata": {}},
        {"_id": "d3", "title": "Only a title", "text": ""},
    ]
    (tmp_path / "corpus.jsonl.zst").write_bytes(zstandard.compress(_lines(*documents)))
    pages = list(open_corpus(tmp_path, "beir"))
    assert pages == [
        Page("d1", "Tide", ("Tide", "One.", "Two."), metadata={"url": "u", "year": "1990"}),
        Page("d2", "", ("", "No title.")),
        Page("d3", "Only a title", ("Only a title", "Only a title")),
    ]
    assert list(open_corpus(tmp_path / "corpus.jsonl.zst", "beir")) == pages


def test_json_lines_with_fields_of_any_name(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        {"key": 1, "name": "A", "body": "One.\n\nTwo.\n", "lang": "en", "deep": {"x": 1}},
        {"key": "b", "body": ["Section::::S.", "x"]},
    )
    reader = open_corpus(path, "jsonl", id_field="key", title_field="name", text_field="body")
    assert list(reader) == [
        Page("1", "A", ("A", "One.", "Two."), metadata={"lang": "en"}),
        Page("b", "", ("", "Section::::S.", "x")),
    ]
    with pytest.raises(InvalidInput, match="'id' is missing; the line has: body, deep, key, lang, name"):
        list(open_corpus(path, "jsonl"))


@pytest.mark.parametrize("text", [5, [1], {"a": "b"}, ["", " "], "  ", []])
def test_json_lines_without_a_usable_text(tmp_path: Path, text: Any) -> None:
    with pytest.raises(InvalidInput, match=r"line\.jsonl:1: "):
        list(open_corpus(_file(tmp_path, {"id": "a", "text": text}, name="line.jsonl"), "jsonl"))


def test_fingerprints_follow_bytes_and_options(tmp_path: Path) -> None:
    path = _file(tmp_path, {"id": "a", "text": "b", "other": "c"})
    same = open_corpus(path, "jsonl").fingerprint()
    assert open_corpus(path, "jsonl", on_error="skip").fingerprint() == same
    assert open_corpus(path, "jsonl", text_field="text").fingerprint() == same
    assert open_corpus(path, "jsonl", text_field="other").fingerprint() != same
    assert open_corpus(path, "beir").fingerprint() != same
    path.write_bytes(path.read_bytes() + b"\n")
    assert open_corpus(path, "jsonl").fingerprint() != same


def test_a_very_long_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from skerry.retrieval.corpus.readers import lines

    monkeypatch.setattr(lines, "LONGEST_LINE", 1 << 20)
    path = _file(tmp_path, _kilt(1), b"x" * ((1 << 20) + 5) + b"\n")
    with pytest.raises(InvalidInput, match=":2: the line is longer than 1 MiB"):
        list(open_corpus(path, "kilt"))


def test_a_path_that_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is a folder"):
        open_corpus(tmp_path, "kilt")
    with pytest.raises(InvalidInput, match=r"holds no corpus\.jsonl"):
        open_corpus(tmp_path, "beir")
    gone = _file(tmp_path, _kilt(1))
    reader = open_corpus(gone, "kilt")
    gone.unlink()
    with pytest.raises(BackendUnavailable, match="cannot be read"):
        list(reader)
