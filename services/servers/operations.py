"""google.longrunning.Operations over the operations of this server."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from google.longrunning.operations_pb2 import ListOperationsResponse
from google.protobuf.empty_pb2 import Empty

from skerry.core.errors import InvalidInput
from skerry.services.operations import OperationStore
from skerry.services.servers.paging import page

SERVICE = "google.longrunning.Operations"
_POLL = 0.05


class OperationsServicer:
    """See google/longrunning/operations.proto. A wait ends at its timeout, its deadline, or with the work."""

    def __init__(self, store: OperationStore) -> None:
        self._store = store

    async def ListOperations(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.filter:
            raise InvalidInput("Operations cannot be filtered.", details={"field": "filter"})
        names, token = page(self._store.names(), request.page_size or None, request.page_token)
        return ListOperationsResponse(
            operations=[self._store.get(name) for name in names], next_page_token=token
        )

    async def GetOperation(self, request: Any, context: Any) -> Any:  # noqa: N802
        return self._store.get(request.name)

    async def DeleteOperation(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._store.delete(request.name)
        return Empty()

    async def CancelOperation(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._store.cancel(request.name)
        return Empty()

    async def WaitOperation(self, request: Any, context: Any) -> Any:  # noqa: N802
        patience = [time.monotonic() + left for left in (context.time_remaining(),) if left is not None]
        if request.HasField("timeout"):
            patience.append(time.monotonic() + request.timeout.ToTimedelta().total_seconds())
        # The state is told a little before the deadline: after it nobody would hear it.
        until = min(patience, default=float("inf")) - 2 * _POLL
        operation = self._store.get(request.name)
        while not operation.done and time.monotonic() < until:
            await asyncio.sleep(_POLL)
            operation = self._store.get(request.name)
        return operation
