"""The demo from the corpus to the table."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from skerry.core.models.store import ModelStore
from skerry.core.progress import Progress
from skerry.services.client import Client
from skerry.services.demo.ask import QUESTIONS, ask
from skerry.services.demo.measure import Parts, measure
from skerry.services.demo.prepare import GENERATOR, Prepared, prepare
from skerry.services.demo.service import running_services
from skerry.services.demo.show import Screen
from skerry.services.remote import Remote, RemoteGenerator, RemoteRankers, RemoteRetrieval


def run_demo(
    folder: Path, models: ModelStore, progress: Progress, *, limit: int | None = None, silent: bool = False
) -> dict[str, Any]:
    """Prepare, serve, ask five questions, measure all; print it unless `silent`.

    Args:
        folder: what is kept from run to run.
        limit: only the first questions of the set are measured.

    Returns:
        As JSON values: "index", "questions" (the five, with all that came back), "table", "left_out",
        "seconds" by step.
    """
    screen = None if silent else Screen()
    clock = _Clock()
    if screen:
        screen.heading("The corpus: Python's own language reference, indexed")
    prepared = prepare(folder, models, progress, _say)
    clock.mark("prepare")
    if screen:
        _show_index(screen, prepared)
        screen.heading("The services: starting, in a process of their own")
    with running_services(prepared.index, folder / "serve.log") as address:
        clock.mark("start services")
        asked = _ask_all(address, screen)
        clock.mark("ask")
        if screen:
            screen.heading("The scores: every question of the set, through the same services")
        table, predictions = _measure(address, prepared, folder, models, progress, limit)
        clock.mark("measure")
    clock.mark("stop services")
    if screen:
        screen.console.print(table.rich())
        screen.line(f"Predictions, as KILT's scripts read them: {predictions}")
        screen.line("seconds: " + ", ".join(f"{name} {value:.1f}" for name, value in clock.seconds.items()))
    return {
        "index": {
            "folder": str(prepared.index),
            "version": prepared.manifest.version,
            "pages": prepared.manifest.corpus.pages,
            "passages": prepared.manifest.corpus.passages,
            "result_hash": prepared.manifest.result_hash,
        },
        "questions": asked,
        "table": table.json(),
        "predictions": str(predictions),
        "left_out": list(prepared.left_out),
        "seconds": clock.seconds,
    }


class _Clock:
    """Seconds by step, and in all."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def mark(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step] = now - self._last
        self.seconds["total"] = self.seconds.pop("total", 0.0) + now - self._last
        self._last = now


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _show_index(screen: Screen, prepared: Prepared) -> None:
    manifest = prepared.manifest
    screen.line(
        f"{manifest.corpus.pages} pages, {manifest.corpus.passages} passages, legs "
        f"{' and '.join(sorted(manifest.legs))}, version {manifest.version} in {prepared.index}"
    )
    for message in prepared.left_out:
        screen.line(message)


def _ask_all(address: str, screen: Screen | None) -> list[dict[str, Any]]:
    watch: Callable[..., None] = screen.event if screen else lambda _: None
    with Client(address) as client:
        info = client.server_info()
        if screen:
            screen.line(f"Listening on {address}: {', '.join(name.split('.')[-1] for name in info.services)}")
            screen.heading("Five questions over gRPC")
        results = []
        for number, question in enumerate(QUESTIONS, 1):
            if screen:
                screen.question(number, question)
            results.append(ask(client, question, ranked=bool(info.ranker), watch=watch))
            if screen:
                screen.answer(results[-1])
        return results


def _measure(
    address: str, prepared: Prepared, folder: Path, models: ModelStore, progress: Progress, limit: int | None
) -> Any:
    with Client(address) as client:
        ranker = client.server_info().ranker
    remote = Remote(address)
    try:
        parts = Parts(
            chain=RemoteRetrieval(remote),
            rankers=RemoteRankers(remote) if ranker else None,
            generator=RemoteGenerator(remote),
            names={"ranker": ranker, "generator": models.resolve(GENERATOR).weights_hash},
        )
        return measure(prepared, folder, parts, progress, limit)
    finally:
        remote.close()
