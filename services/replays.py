"""Idempotence: a mutation that is sent again with its request id gets the first answer again."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from skerry.core.errors import InvalidInput
from skerry.core.files import naming_full_disk, write_atomically

M = TypeVar("M")

_KEPT = 10_000
_LONGEST = 128


class Replays:
    """Answers by method and request id, the latest 10,000, kept in a file so that restarts do not matter.

    Only successes are kept: what failed may be tried again.

    Args:
        path: the file; None keeps them in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._answers: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._lock = threading.Lock()
        self._busy: dict[str, threading.Lock] = {}
        self._file: BinaryIO | None = None
        if path is not None:
            self._load(path)
            self._file = path.open("ab")

    def once(self, method: str, request: Any, do: Callable[[], M]) -> M:
        """What `do` returns, or what it returned when this request id was first used.

        Args:
            request: a message with a `request_id`; an empty one is never remembered.

        Raises:
            InvalidInput: the id was used for another request, or is too long.
        """
        if not request.request_id:
            return do()
        if len(request.request_id) > _LONGEST:
            raise InvalidInput(
                f"A request_id has at most {_LONGEST} characters.", details={"field": "request_id"}
            )
        key = f"{method}\n{request.request_id}"
        digest = hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()
        with self._lock:
            turn = self._busy.setdefault(key, threading.Lock())
        with turn:
            known = self._answers.get(key)
            if known is None:
                answer = do()
                self._keep(key, digest, answer)
                return answer
        if known[0] != digest:
            raise InvalidInput(
                "This request_id was used for another request.",
                hint="Make a new id for every new request.",
                details={"field": "request_id"},
            )
        return cast(M, _parse(known[1]))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _keep(self, key: str, digest: str, answer: Any) -> None:
        data = _pack(answer)
        with self._lock:
            self._answers[key] = (digest, data)
            self._busy.pop(key, None)
            if len(self._answers) > _KEPT:
                self._answers.popitem(last=False)
            if self._file is not None:
                with naming_full_disk(Path(str(self._file.name)).parent):
                    self._file.write(_line(key, digest, data))
                    self._file.flush()
                    os.fsync(self._file.fileno())

    def _load(self, path: Path) -> None:
        if not path.exists():
            return
        for line in path.read_bytes().split(b"\n"):
            try:
                key, digest, data = json.loads(line)
            except ValueError:
                # Cut off by a crash before it was acknowledged.
                continue
            self._answers[key] = (digest, base64.b64decode(data))
        while len(self._answers) > _KEPT:
            self._answers.popitem(last=False)
        write_atomically(path, b"".join(_line(key, *value) for key, value in self._answers.items()))


def _line(key: str, digest: str, data: bytes) -> bytes:
    return json.dumps([key, digest, base64.b64encode(data).decode()]).encode() + b"\n"


def _pack(answer: Any) -> bytes:
    from google.protobuf.any_pb2 import Any as AnyMessage

    packed = AnyMessage()
    packed.Pack(answer)
    return bytes(packed.SerializeToString())


def _parse(data: bytes) -> Any:
    from google.protobuf import symbol_database
    from google.protobuf.any_pb2 import Any as AnyMessage

    packed = AnyMessage.FromString(data)
    answer = symbol_database.Default().GetSymbol(packed.type_url.rpartition("/")[2])()
    packed.Unpack(answer)
    return answer
