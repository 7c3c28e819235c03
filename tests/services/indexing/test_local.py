"""Worker processes: results, errors, deaths, and that none outlives its build."""

from __future__ import annotations

import importlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, Cancelled, DeadlineExceeded, InvalidInput, Overloaded
from skerry.services.indexing.local import LocalEngine, _Team


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _gone(process: int) -> bool:
    for _ in range(100):
        if not _alive(process):
            return True
        time.sleep(0.05)
    return False


_TASKS = """
import os
from skerry.core.errors import Overloaded

def process(_):
    return os.getpid()

def overload(retry_after):
    raise Overloaded("Too much.", retry_after=retry_after, hint="Wait.")
"""


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module that a worker can import, which a test module is not."""
    (tmp_path / "tasks_of_a_test.py").write_text(_TASKS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("tasks_of_a_test")
    del sys.modules["tasks_of_a_test"]


def test_every_result_once() -> None:
    results = LocalEngine(workers=2).map(abs, [-3, 1, -2, 0], Deadline())
    assert sorted(results) == [0, 1, 2, 3]
    assert list(LocalEngine(workers=2).map(abs, [], Deadline())) == []


def test_threads_share_the_processors() -> None:
    cores = len(os.sched_getaffinity(0))
    assert LocalEngine().workers == cores
    assert LocalEngine().threads == 1
    assert LocalEngine(workers=1).threads == cores
    assert LocalEngine(workers=cores * 4).threads == 1
    (threads,) = LocalEngine(workers=1, threads=3).map(os.getenv, ["OMP_NUM_THREADS"], Deadline())
    assert threads == "3"


def test_tasks_are_read_as_workers_become_free() -> None:
    read = []

    def numbers() -> Iterator[int]:
        for number in itertools.count():
            read.append(number)
            yield -number

    results = LocalEngine(workers=2).map(abs, numbers(), Deadline())
    assert len(set(itertools.islice(results, 10))) == 10
    assert len(read) <= 10 + 4
    results.close()


@pytest.mark.parametrize("workers", [0, -1, 5000])
def test_bad_numbers_of_workers(workers: int) -> None:
    with pytest.raises(InvalidInput, match="Workers"):
        LocalEngine(workers)


def test_an_error_keeps_its_kind_and_says_where(tmp_path: Path, tasks: ModuleType) -> None:
    with pytest.raises(FileNotFoundError, match="nothing") as caught:
        list(LocalEngine(workers=2).map(os.stat, [str(tmp_path / "nothing")], Deadline()))
    assert "In a worker process" in caught.value.__notes__[0]
    with pytest.raises(Overloaded, match=r"Too much\. Wait\.") as ours:
        list(LocalEngine(workers=1).map(tasks.overload, [3.0], Deadline()))
    assert (ours.value.retry_after, ours.value.hint) == (3.0, "Wait.")


def test_an_error_of_the_tasks_themselves() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise InvalidInput("Line 2 is bad.")

    with pytest.raises(InvalidInput, match="Line 2"):
        list(LocalEngine(workers=2).map(abs, numbers(), Deadline()))


def test_a_worker_that_is_killed() -> None:
    engine = LocalEngine(workers=1)
    with pytest.raises(BackendUnavailable, match=r"SIGKILL.*resumes"):
        list(engine.map(signal.raise_signal, [signal.SIGKILL], Deadline()))
    with pytest.raises(BackendUnavailable, match="status 7"):
        list(engine.map(os._exit, [7], Deadline()))


def test_workers_end_with_the_map(tasks: ModuleType) -> None:
    processes = set(LocalEngine(workers=2).map(tasks.process, range(6), Deadline()))
    assert 1 <= len(processes) <= 2
    assert os.getpid() not in processes
    results = LocalEngine(workers=2).map(tasks.process, itertools.count(), Deadline())
    processes |= set(itertools.islice(results, 6))
    results.close()
    assert all(_gone(process) for process in processes)


def test_cancelled_in_the_middle() -> None:
    deadline = Deadline()
    results = LocalEngine(workers=1).map(time.sleep, [0.0, 60.0], deadline)
    next(results)
    deadline.cancel()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        next(results)
    assert time.monotonic() - start < 10


def test_a_deadline_in_the_middle() -> None:
    with pytest.raises(DeadlineExceeded):
        list(LocalEngine(workers=1).map(time.sleep, [60.0], Deadline(0.5)))


def test_workers_die_with_their_build(tasks: ModuleType) -> None:
    folder = str(Path(str(tasks.__file__)).parent)
    program = f"""
import sys, time
sys.path.insert(0, {folder!r})
import tasks_of_a_test
from skerry.core.deadline import Deadline
from skerry.services.indexing.local import LocalEngine, _Team
results = LocalEngine(workers=1).map(tasks_of_a_test.process, [1, 2], Deadline())
print(next(results), flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        worker = int(process.stdout.readline())
        assert _alive(worker)
        process.kill()
        process.wait()
    assert _gone(worker)


def test_an_interrupt_while_a_worker_starts_is_not_the_workers() -> None:
    team = _Team(1, 1)
    try:
        worker = team._start()
        for _ in range(20):
            os.kill(worker.process.pid, signal.SIGINT)  # type: ignore[arg-type]
            time.sleep(0.01)
        team.give((len, [1, 2, 3]))
        found: list[int] = []
        while not found and worker.process.is_alive():
            found = team.results(0.1)
        assert found == [3]
        # This process itself hears it as before.
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())
    finally:
        team.kill()
