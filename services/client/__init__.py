"""The Python client of Skerry's services, synchronous and asynchronous."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skerry.services.client.aio import AsyncClient
    from skerry.services.client.results import Answer, CorpusInfo, IndexVersionInfo, OperationInfo, ServerInfo
    from skerry.services.client.sync import Client

_HOMES = {
    "Answer": "results",
    "AsyncClient": "aio",
    "Client": "sync",
    "CorpusInfo": "results",
    "IndexVersionInfo": "results",
    "OperationInfo": "results",
    "ServerInfo": "results",
}

__all__ = [
    "Answer",
    "AsyncClient",
    "Client",
    "CorpusInfo",
    "IndexVersionInfo",
    "OperationInfo",
    "ServerInfo",
]


def __getattr__(name: str) -> Any:
    """Import gRPC only when a client is wanted."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
