"""Progress goes to stderr only, in lines that say how far it is."""

from __future__ import annotations

import pytest

from skerry.core.progress import BarProgress, LineProgress, Progress, SilentProgress, default_progress


def _work(progress: Progress) -> None:
    with progress.task("counting", total=4, unit="pages") as task:
        for _ in range(4):
            task.advance()
        task.note("done well")
    with progress.task("unknown length") as task:
        task.set_total(10)
        task.advance(5)
    with progress.task("a step") as task:
        task.note("why")


def test_lines(capsys: pytest.CaptureFixture[str]) -> None:
    _work(LineProgress(every=1000.0))
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("counting: 4/4 pages in 0 s") and lines[0].endswith("done well")
    assert lines[1].startswith("unknown length: 5/10")
    assert lines[2].startswith("a step: 0.0 s why")


def test_lines_appear_while_working(capsys: pytest.CaptureFixture[str]) -> None:
    with LineProgress(every=0.0).task("counting", total=3) as task:
        for _ in range(3):
            task.advance()
    assert len(capsys.readouterr().err.splitlines()) == 4


def test_a_failing_task_still_says_how_far_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), LineProgress().task("counting", total=3) as task:
        task.advance(2)
        raise KeyError
    assert "2/3" in capsys.readouterr().err


def test_silence(capsys: pytest.CaptureFixture[str]) -> None:
    _work(SilentProgress())
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_bars(capsys: pytest.CaptureFixture[str]) -> None:
    _work(BarProgress())
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "counting" in captured.err and "4/4" in captured.err


def test_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(default_progress(quiet=True), SilentProgress)
    monkeypatch.setattr("sys.stderr.isatty", lambda: False)
    assert isinstance(default_progress(), LineProgress)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert isinstance(default_progress(), BarProgress)
