"""Lines of a file that may be compressed, as a stream; what is compressed is told by its first bytes."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from skerry.core.errors import BackendUnavailable
from skerry.retrieval.corpus.readers.base import bad_record

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_BUFFER = 1 << 20

LONGEST_LINE = 256 << 20
"""Bytes; a longer line is no record but a file without line breaks."""


class LineSource:
    """One pass over a file's lines. Close it, or use it as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._raw = path.open("rb")
        except OSError as error:
            raise BackendUnavailable(
                f"The file {path} cannot be read: {error.strerror}.",
                hint="Check that it is a file and that you may read it.",
                details={"path": str(path)},
            ) from error
        self._stream = _decompressed(self._raw)

    def __enter__(self) -> LineSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """(line number from 1, bytes without the line break) of every line that is not blank.

        Raises:
            InvalidInput: compressed data that is cut off or damaged, a line that is too long.
        """
        number = 0
        while True:
            number += 1
            try:
                line = self._stream.readline(LONGEST_LINE + 1)
            except EOFError as error:
                raise bad_record(
                    f"{self.path}:{number}",
                    "file cut off",
                    "the compressed file ends in the middle of its data.",
                    "Fetch or compress it again: it was not copied whole.",
                ) from error
            except (gzip.BadGzipFile, zlib.error, ZstdDamage) as error:
                raise bad_record(
                    f"{self.path}:{number}",
                    "compressed data damaged",
                    f"the compressed data is damaged ({error}).",
                    "Fetch or compress the file again.",
                ) from error
            if not line:
                return
            if len(line) > LONGEST_LINE:
                raise bad_record(
                    f"{self.path}:{number}",
                    "line too long",
                    f"the line is longer than {LONGEST_LINE >> 20} MiB.",
                    "The file should hold one record a line.",
                )
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            line = line.rstrip(b"\r\n")
            if line and not line.isspace():
                yield number, line

    def read_bytes(self) -> int:
        """Bytes of the file (as it lies on disk) consumed so far."""
        return self._raw.tell() if not self._raw.closed else self.path.stat().st_size

    def close(self) -> None:
        self._stream.close()
        self._raw.close()


class ZstdDamage(Exception):
    """Damaged zstandard data; turned into `InvalidInput` with its place by `LineSource`."""


class _ZstdStream(io.RawIOBase):
    """Decompresses zstandard frames one after the other; a frame cut off raises `EOFError`."""

    def __init__(self, raw: BinaryIO) -> None:
        import zstandard

        self._raw = raw
        self._error = zstandard.ZstdError
        self._decompressor = zstandard.ZstdDecompressor()
        self._frame = self._decompressor.decompressobj()
        self._fed = False
        self._input = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            if not self._input:
                self._input = self._raw.read(_BUFFER >> 3)
            if not self._input:
                if self._fed:
                    raise EOFError
                return 0
            try:
                self._ready = memoryview(self._frame.decompress(self._input))
            except self._error as error:
                raise ZstdDamage(str(error)) from error
            self._fed = True
            self._input = b""
            if self._frame.eof:
                self._input = self._frame.unused_data
                self._frame = self._decompressor.decompressobj()
                self._fed = False
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size


def _decompressed(raw: BinaryIO) -> io.BufferedIOBase | BinaryIO:
    start = raw.read(4)
    raw.seek(0)
    if start.startswith(_GZIP):
        return io.BufferedReader(gzip.GzipFile(fileobj=raw), _BUFFER)
    if start == _ZSTD:
        return io.BufferedReader(_ZstdStream(raw), _BUFFER)
    return raw
