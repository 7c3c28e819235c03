"""`skerry bench`: how fast, how large, how good single parts are, beside what they are measured against."""

from __future__ import annotations

import click

from skerry.services.cli.bench.attention import attention
from skerry.services.cli.bench.corpusbrain import corpusbrain
from skerry.services.cli.bench.decode import decode
from skerry.services.cli.bench.elastic import elastic
from skerry.services.cli.bench.fm_index import fm_index
from skerry.services.cli.bench.kept_answers import kept_answers
from skerry.services.cli.bench.rank import rank
from skerry.services.cli.bench.seal import seal
from skerry.services.cli.bench.seal_quality import seal_quality
from skerry.services.cli.bench.store import store
from skerry.services.cli.bench.title_tree import title_tree
from skerry.services.cli.bench.ttft import ttft


@click.group()
def bench() -> None:
    """Measure single parts, each beside its peer or its targets.

    `skerry bench COMMAND --help` says what each needs.
    """


for _command in (
    attention,
    corpusbrain,
    decode,
    elastic,
    fm_index,
    kept_answers,
    rank,
    seal,
    seal_quality,
    store,
    title_tree,
    ttft,
):
    bench.add_command(_command)
