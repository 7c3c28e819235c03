"""`skerry serve`: start the gRPC services."""

from __future__ import annotations

from pathlib import Path

import click

_ROLES = ("all", "corpus", "embedding", "retrieval", "ranking", "generation", "answer")


@click.command()
@click.argument("role", type=click.Choice(_ROLES), default="all")
@click.option("--index", type=click.Path(path_type=Path, file_okay=False), help="An index to serve.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Folder of the corpora.")
@click.option("--listen", metavar="HOST:PORT", help="Where to listen; port 0 takes a free one.")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="A TOML file.")
@click.option("--retrieval", metavar="ADDR", help="Use the retrieval service there.")
@click.option("--ranking", metavar="ADDR", help="Use the ranking service there.")
@click.option("--generation", metavar="ADDR", help="Use the generation service there.")
@click.option(
    "--ranker",
    "rankers",
    multiple=True,
    metavar="NAME[=FOLDER]",
    help="A ranker that requests can choose (repeatable), the first by default: cross-encoder, drmm=FOLDER.",
)
@click.option("--kv-memory", type=int, metavar="BYTES", help="Passages' keys and values kept in memory.")
@click.option("--kv-redis", metavar="URL", help="A Redis server that keeps them too.")
@click.option("--kv-disk", type=click.Path(path_type=Path, file_okay=False), help="A folder that does.")
@click.option("--import-folder", type=click.Path(path_type=Path), help="ImportDocuments may read below it.")
@click.option("--workers", type=int, help="Calls that each service works on at once.")
@click.option("--queue", type=int, help="Calls that may wait for each service.")
@click.option("--grace", type=float, help="Seconds that calls in flight have after SIGTERM.")
@click.option("--log-format", type=click.Choice(["human", "json"]), help="Log lines on stderr.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Write the address there when ready.")
def serve(
    role: str,
    index: Path | None,
    data: Path | None,
    listen: str | None,
    file: Path | None,
    retrieval: str | None,
    ranking: str | None,
    generation: str | None,
    rankers: tuple[str, ...],
    kv_memory: int | None,
    kv_redis: str | None,
    kv_disk: Path | None,
    import_folder: Path | None,
    workers: int | None,
    queue: int | None,
    grace: float | None,
    log_format: str | None,
    ready_file: Path | None,
) -> None:
    """Start one service, or all of them, and print the address when calls are answered.

    SIGTERM ends it gracefully: health turns to NOT_SERVING, calls in flight end, the exit status is 0.
    """
    import asyncio

    from skerry.services.config import load_settings
    from skerry.services.observability.logs import set_up_logs

    flags = {
        "corpus.index": None if index is None else str(index),
        "corpus.data": None if data is None else str(data),
        "corpus.import_folder": None if import_folder is None else str(import_folder),
        "server.listen": listen,
        "server.workers": workers,
        "server.queue": queue,
        "server.grace": grace,
        "server.log_format": log_format,
        "server.ready_file": None if ready_file is None else str(ready_file),
        "retrieval.address": retrieval,
        "ranking.address": ranking,
        "ranking.ranker": ",".join(rankers) or None,
        "generation.address": generation,
        "generation.cache.memory_bytes": kv_memory,
        "generation.cache.redis_url": kv_redis,
        "generation.cache.disk_folder": None if kv_disk is None else str(kv_disk),
    }
    settings = load_settings(file, flags=flags).settings
    set_up_logs(settings.server.log_format)

    from skerry.services.servers.host import ROLES, Host

    host = Host(settings, ROLES if role == "all" else (role,))
    asyncio.run(host.serve(lambda address: print(address, flush=True)))
