"""The whole measurement: a stream through a store whose Redis server is killed half way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from skerry.benchmarks.store.policies import HitRates, hit_rates
from skerry.benchmarks.store.server import RedisServer
from skerry.benchmarks.store.stream import Stream, draw_stream
from skerry.benchmarks.store.windows import Asked, Window, windows
from skerry.core.errors import InvalidInput
from skerry.core.progress import Progress
from skerry.generation.cache.store.counts import StoreCounts
from skerry.generation.cache.store.open import StoreOptions, open_store
from skerry.generation.cache.store.tiered import TieredStore

_WINDOWS = 10


class Asker(Protocol):
    """Asks the store, alone or through a generator."""

    def ask(self, question: int) -> Asked:
        """One question of the stream, to its end."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Attributes:
        questions: in the stream.
        popular: questions that come again, by Zipf's law with `exponent`.
        novel: the share of questions that come once.
        passages: of each question; no two share one.
        memory_bytes, redis_bytes, disk_bytes: the tiers' budgets; 0 leaves a tier out.
        seed: of the stream and the passages.
        asks: who asks: "the store alone", or the model and its mode.
        timed: what is timed: the store's "call", or "first token".
    """

    questions: int
    popular: int
    novel: float
    exponent: float
    passages: int
    memory_bytes: int
    redis_bytes: int
    disk_bytes: int
    seed: int
    asks: str
    timed: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured.

    Attributes:
        plan: what was asked for.
        asked: every question, in order.
        windows: of them; Redis is killed between two.
        counts: of the store, at the end.
        rates: what the memory tier's budget could hold of the stream, by policy; None where that is unknown.
        stopped: the question before which Redis was killed; None without Redis.
    """

    plan: Plan
    asked: tuple[Asked, ...]
    windows: tuple[Window, ...]
    counts: StoreCounts
    rates: HitRates | None
    stopped: int | None

    @property
    def failed(self) -> int:
        """Questions without an answer."""
        return sum(window.failed for window in self.windows)

    @property
    def problem(self) -> str:
        """Of the first question that failed; empty where none did."""
        return next((one.problem for one in self.asked if one.problem), "")

    @property
    def resident(self) -> int:
        """The most bytes that the process grew by."""
        return max(window.resident for window in self.windows)

    def json(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "failed": self.failed, "resident": self.resident}


def run(
    plan: Plan,
    make: Callable[[TieredStore, Stream], Asker],
    progress: Progress,
    size: Callable[[int], int] | None = None,
) -> Report:
    """Ask the stream.

    Args:
        make: makes what asks.
        progress: told of every question, and how many failed.
        size: bytes of a passage's keys and values, by its number.

    Raises:
        InvalidInput: every tier has a budget of 0.
        BackendUnavailable: there is no Redis server, or it does not start.
    """
    stream = draw_stream(plan.questions, plan.popular, plan.novel, plan.exponent, plan.seed)
    window = max(1, plan.questions // _WINDOWS)
    middle = plan.questions // 2 // window * window
    asked: list[Asked] = []
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="skerry-store-"))
        server = None
        if plan.redis_bytes:
            server = stack.enter_context(RedisServer(max(1, plan.redis_bytes // 2**20)))
        options = StoreOptions(
            memory_bytes=plan.memory_bytes,
            redis_url=server.url if server else "",
            disk_folder=str(Path(folder) / "kv"),
            disk_bytes=plan.disk_bytes,
        )
        store = stack.enter_context(_opened(options))
        asker = make(store, stream)
        task = stack.enter_context(progress.task("asking", plan.questions, "questions"))
        for number, question in enumerate(stream.numbers):
            if server is not None and number == middle:
                server.stop()
            asked.append(asker.ask(question))
            task.advance()
            if asked[-1].problem:
                task.note(f"{sum(bool(one.problem) for one in asked)} failed")
        store.flush()
        counts = store.counts()
    rates = None if size is None else _rates(plan, stream, size)
    return Report(
        plan, tuple(asked), tuple(windows(asked, window)), counts, rates, middle if server else None
    )


def _rates(plan: Plan, stream: Stream, size: Callable[[int], int]) -> HitRates:
    requests = [
        passage
        for question in stream.numbers
        for passage in range(plan.passages * question, plan.passages * (question + 1))
    ]
    sizes = [size(passage) for passage in range(plan.passages * stream.different)]
    return hit_rates(requests, sizes, plan.memory_bytes)


def _opened(options: StoreOptions) -> TieredStore:
    store = open_store(options)
    if store is None:
        raise InvalidInput("Every tier is turned off.", hint="Give one of them a budget.")
    return store
