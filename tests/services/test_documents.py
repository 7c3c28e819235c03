"""The document log: a dictionary with a file, wherever the file was cut off."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.core.errors import AlreadyExists, BackendUnavailable, IndexCorrupt, InvalidInput
from skerry.retrieval.corpus.readers import open_corpus
from skerry.retrieval.corpus.records import Page
from skerry.services.documents import LOG, DocumentLog, Outcome


def page(name: str, text: str) -> Page:
    return Page(name, name.upper(), (name.upper(), text))


names = st.sampled_from("abcd")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), names, st.sampled_from(["one", "two"]), st.booleans()),
        st.tuples(st.just("delete"), names, st.just(""), st.just(False)),
    ),
    max_size=15,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_as_a_dictionary(taken: list[tuple[str, str, str, bool]]) -> None:
    model: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        log = DocumentLog(Path(folder))
        for what, name, text, replace in taken:
            if what == "delete":
                assert log.delete([name]) == ((1, []) if name in model else (0, [name]))
                model.pop(name, None)
                continue
            [result] = log.put([page(name, text)], replace)
            if name not in model:
                assert result is Outcome.CREATED
            elif model[name] == text:
                assert result is Outcome.UNCHANGED
            elif replace:
                assert result is Outcome.REPLACED
            else:
                assert isinstance(result, AlreadyExists)
                continue
            model[name] = text
        log.close()
        for opened in (log, DocumentLog(Path(folder))):
            assert len(opened) == len(model)
        out = Path(folder) / "out.jsonl"
        assert opened.write_kilt(out) == len(model)
        opened.close()
        read = {p.id: p.paragraphs[1] for p in open_corpus(out, "kilt")} if model else {}
        assert read == model


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_cut_off_anywhere(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = DocumentLog(folder)
        ends = [0]
        for number in range(6):
            log.put([page(f"p{number}", "text ü")], False)
            ends.append((folder / LOG).stat().st_size)
        log.close()
        size = data.draw(st.integers(0, ends[-1]))
        os.truncate(folder / LOG, size)
        whole = sum(end <= size for end in ends[1:])
        opened = DocumentLog(folder)
        assert len(opened) == whole
        assert opened.put([page("new", "text")], False) == [Outcome.CREATED]
        opened.close()
        assert len(DocumentLog(folder)) == whole + 1


def test_one_batch_one_result_each(tmp_path: Path) -> None:
    log = DocumentLog(tmp_path)
    results = log.put([page("a", "x"), page("a", "x"), page("a", "y"), page("", "z"), page("b", " ")], False)
    assert results[:2] == [Outcome.CREATED, Outcome.UNCHANGED]
    assert [type(result) for result in results[2:]] == [AlreadyExists, InvalidInput, InvalidInput]
    assert len(log) == 1


def test_damage_in_the_middle_names_the_line(tmp_path: Path) -> None:
    log = DocumentLog(tmp_path)
    log.put([page("a", "x"), page("b", "x")], False)
    log.close()
    lines = (tmp_path / LOG).read_bytes().splitlines(keepends=True)
    (tmp_path / LOG).write_bytes(b"{]\n" + lines[1])
    with pytest.raises(IndexCorrupt, match=rf"{LOG}:1"):
        DocumentLog(tmp_path)


def test_lines_are_json(tmp_path: Path) -> None:
    log = DocumentLog(tmp_path)
    log.put([page("a", "line\nbreak\u2028and more")], False)
    [line] = (tmp_path / LOG).read_text().split("\n")[:-1]
    assert json.loads(line)["put"]["paragraphs"] == ["line\nbreak\u2028and more"]


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = DocumentLog(tmp_path)
    log.put([page("a", "x")], False)

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(BackendUnavailable, match="No space left"):
            log.put([page("b", "x")], False)
    assert log.put([page("c", "x")], False) == [Outcome.CREATED]
    log.close()
    opened = DocumentLog(tmp_path)
    assert len(opened) == 2
    assert opened.put([page("b", "x")], False) == [Outcome.CREATED]
