"""Reads the answer to MGET from a connection straight into blocks.

The client reads pieces of 64 KB, joins them, and hands out a copy, which costs more than sending them did.
"""

from __future__ import annotations

import mmap
import socket
import time

from skerry.generation.cache.store.blocks import block

_PIECE = 4096
_LONGEST_LINE = 2**16


class BulkReader:
    """Reads one answer of the protocol RESP2.

    Args:
        connection: a socket on which the whole answer to one call is to come. It keeps its time-out, which
            holds for each piece.
        seconds: for the whole answer, from now on.
    """

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._socket = connection
        self._until = time.monotonic() + seconds
        self._ahead = b""

    def values(self, count: int) -> list[mmap.mmap | memoryview | None]:
        """The values of an MGET of `count` names, in order; None for what is not there.

        Raises:
            ConnectionError: the server ended the connection, or says what no answer to MGET is.
            TimeoutError: nothing came for the connection's time-out, or not all in time.
        """
        if (told := self._number(b"*")) != count:
            raise ConnectionError(f"{told} values came for {count} names")
        return [self._value() for _ in range(count)]

    def _value(self) -> mmap.mmap | memoryview | None:
        length = self._number(b"$")
        if length < 0:
            return None
        if length == 0:
            self._line()
            return memoryview(b"")
        own = block(length)
        view = memoryview(own)
        at = min(length, len(self._ahead))
        view[:at] = self._ahead[:at]
        self._ahead = self._ahead[at:]
        while at < length:
            at += self._in_time(self._socket.recv_into(view[at:]))
        self._line()
        return own

    def _number(self, kind: bytes) -> int:
        line = self._line()
        try:
            if line[:1] == kind:
                return int(line[1:])
        except ValueError:
            pass
        raise ConnectionError(line.removeprefix(b"-").decode("utf-8", "replace"))

    def _line(self) -> bytes:
        while b"\r\n" not in self._ahead:
            piece = self._socket.recv(_PIECE)
            self._in_time(len(piece))
            self._ahead += piece
            if len(self._ahead) > _LONGEST_LINE:
                raise ConnectionError("this is no answer of a Redis server")
        line, _, self._ahead = self._ahead.partition(b"\r\n")
        return line

    def _in_time(self, read: int) -> int:
        if not read:
            raise ConnectionError("the server ended the connection")
        if time.monotonic() > self._until:
            raise TimeoutError("the answer did not come in time")
        return read
