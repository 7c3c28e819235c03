"""Builds on a Ray cluster: the same tasks as local processes, over a folder that every node sees."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, InvalidInput

T = TypeVar("T")
R = TypeVar("R")

_PATIENCE = 0.2


class RayEngine:
    """See `Engine`. Joins the cluster of `address` (or of `RAY_ADDRESS`), or starts one on this machine.

    The corpus is read here; the index folder and the models must lie at the same path on every node.

    Args:
        workers: tasks in flight at most; the cluster's processors divided by `threads` by default.
        threads: processors of one task.
        address: as `ray.init` takes it.

    Raises:
        BackendUnavailable: Ray is not installed, or the cluster cannot be joined.
    """

    name = "ray"

    def __init__(self, workers: int | None = None, threads: int = 1, address: str | None = None) -> None:
        if workers is not None and workers < 1:
            raise InvalidInput(f"Workers must be at least 1, not {workers}.", details={"field": "workers"})
        if threads < 1:
            raise InvalidInput(f"Threads must be at least 1, not {threads}.", details={"field": "threads"})
        try:
            import ray
        except ImportError as error:
            raise BackendUnavailable(
                "The Ray engine needs Ray, which is not installed.",
                hint="Run `pip install 'skerry[ray]'`, or leave out --engine ray.",
                details={"extra": "ray"},
            ) from error
        self._ray = ray
        if not ray.is_initialized():
            try:
                ray.init(address=address, log_to_driver=False, include_dashboard=False)
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise BackendUnavailable(f"The Ray cluster cannot be joined: {error}.") from error
        self.threads = threads
        self.workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)

    def map(
        self, function: Callable[[T], R], tasks: Iterable[T], deadline: Deadline
    ) -> Generator[R, None, None]:
        """See `Engine.map`. At most `workers` tasks are in flight."""
        ray = self._ray
        # A lost node is no reason to do a shard twice behind the caller's back: a rerun resumes.
        remote = ray.remote(num_cpus=self.threads, max_retries=0)(lambda task: function(task))
        source = iter(tasks)
        flying: list[Any] = []
        try:
            upcoming = next(source, _END)
            while upcoming is not _END or flying:
                while upcoming is not _END and len(flying) < self.workers:
                    flying.append(remote.remote(upcoming))
                    upcoming = next(source, _END)
                ready, flying = ray.wait(flying, num_returns=1, timeout=_PATIENCE)
                for reference in ready:
                    yield self._result(reference)
                deadline.check("building the index")
        finally:
            for reference in flying:
                ray.cancel(reference, force=True)

    def _result(self, reference: Any) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except errors.RayTaskError as error:
            # Ray wraps what a task raised; callers know our own errors.
            raise error.cause from error
        except errors.RayError as error:
            raise BackendUnavailable(
                f"A Ray worker was lost: {error}.",
                hint="Finished shards are kept: run the same command again and it resumes.",
            ) from error


_END: Any = object()
