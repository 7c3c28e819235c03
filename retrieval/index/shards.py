"""The tasks that a build hands to its workers: they can be pickled, and each leaves one finished piece."""

from __future__ import annotations

import os
import resource
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from skerry.core.failpoints import failpoint
from skerry.core.models.store import Model
from skerry.retrieval.base import Option
from skerry.retrieval.corpus.anchors import passage_links
from skerry.retrieval.corpus.chunking import Chunking, chunk_page
from skerry.retrieval.corpus.records import Page
from skerry.retrieval.corpus.store import PassageStore, PassageWriter
from skerry.retrieval.index.configure import configured_leg
from skerry.retrieval.index.disk import disk_errors
from skerry.retrieval.index.work import finishing


@dataclass(frozen=True, slots=True)
class ShardDone:
    """What a worker says of a shard: `peak_memory` is its process's, in bytes."""

    passages: int
    process: str
    peak_memory: int


@dataclass(frozen=True, slots=True)
class PassageTask:
    """Cut `pages` into passages; the piece is a passage store."""

    pages: tuple[Page, ...]
    chunking: Chunking
    target: Path


@dataclass(frozen=True, slots=True)
class LegTask:
    """Do the work of one leg for the ordinals [start, stop) of the store in `passages`."""

    name: str
    settings: Mapping[str, Option]
    model: Model | None
    passages: Path
    start: int
    stop: int
    threads: int
    target: Path


def build_passages(task: PassageTask) -> ShardDone:
    """Run a `PassageTask` in a worker."""
    failpoint("shard.passages")
    count = 0
    facts: dict[str, int] = {}
    with (
        disk_errors(task.target.parent),
        finishing(task.target, facts) as data,
        PassageWriter(data) as writer,
    ):
        for page in task.pages:
            passages = chunk_page(page, task.chunking)
            for passage, links in zip(passages, passage_links(page, passages), strict=True):
                writer.append(passage, links)
            count += len(passages)
        facts["passages"] = count
    return ShardDone(count, process_name(), peak_memory())


def build_leg_shard(task: LegTask) -> ShardDone:
    """Run a `LegTask` in a worker."""
    failpoint(f"shard.{task.name}")
    leg = configured_leg(task.name, task.settings)
    passages = PassageStore.open(task.passages)
    with disk_errors(task.target.parent), finishing(task.target, {}) as data:
        leg.build_shard(passages, task.start, task.stop, data, task.model, task.threads)
    return ShardDone(task.stop - task.start, process_name(), peak_memory())


def batches(pages: Iterator[Page] | list[Page], words: int) -> Iterator[tuple[Page, ...]]:
    """Whole pages in runs of about `words` words of text, at least one page each."""
    batch: list[Page] = []
    size = 0
    for page in pages:
        batch.append(page)
        size += sum(paragraph.count(" ") + 1 for paragraph in page.paragraphs)
        if size >= words:
            yield tuple(batch)
            batch, size = [], 0
    if batch:
        yield tuple(batch)


def process_name() -> str:
    """Host and process id: tells a build's workers apart, on one machine or many."""
    return f"{socket.gethostname()}:{os.getpid()}"


def peak_memory() -> int:
    """The most memory that this process has had resident, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
