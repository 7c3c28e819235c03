"""The reader of MGET's answers, on a real pair of sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skerry.generation.cache.store.bulk import BulkReader


def _read(
    pieces: Iterable[bytes],
    count: int,
    then: Callable[[socket.socket], None] = lambda _: None,
    seconds: float = 20.0,
) -> list[bytes | None]:
    ours, theirs = socket.socketpair()
    ours.settimeout(0.2)
    # Without it, pieces would wait for each other in the buffer and arrive as one.
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

    def send() -> None:
        with suppress(ConnectionError):  # the reader may have had enough
            for piece in pieces:
                theirs.sendall(piece)
            then(theirs)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        return [None if value is None else bytes(value) for value in BulkReader(ours, seconds).values(count)]
    finally:
        ours.close()
        sender.join()
        theirs.close()


@settings(deadline=None, max_examples=40)
@given(
    values=st.lists(
        st.none() | st.binary(max_size=40) | st.integers(4_000, 9_000).map(lambda n: b"\r\n$" * n), max_size=6
    ),
    cuts=st.lists(st.integers(0, 60_000), max_size=8),
)
def test_any_answer_in_any_pieces(values: list[bytes | None], cuts: list[int]) -> None:
    bulks = [b"$-1\r\n" if value is None else b"$%d\r\n%b\r\n" % (len(value), value) for value in values]
    answer = b"*%d\r\n" % len(values) + b"".join(bulks)
    places = sorted({0, len(answer), *(cut % (len(answer) + 1) for cut in cuts)})
    pieces = [answer[start:end] for start, end in pairwise(places)]
    assert _read(pieces, len(values)) == values


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"-WRONGTYPE no\r\n", "WRONGTYPE no"),
        (b":1\r\n", ":1"),
        (b"*\r\n", r"\*"),
        (b"*2\r\n", "2 values came for 1"),
        (b"*-1\r\n", "-1 values"),
        (b"*1\r\n$x\r\n", "x"),
        (b"*1\r\n-ERR within\r\n", "ERR within"),
        (b"x" * 70_000, "no answer"),
    ],
)
def test_other_answers_are_errors(answer: bytes, says: str) -> None:
    with pytest.raises(ConnectionError, match=says):
        _read([answer], 1)


@pytest.mark.parametrize("answer", [b"", b"*1", b"*1\r\n$10\r\nabc", b"*2\r\n$1\r\na\r\n"])
def test_an_answer_that_ends_early(answer: bytes) -> None:
    with pytest.raises(ConnectionError, match="ended"):
        _read([answer], 2 if answer[1:2] == b"2" else 1, lambda theirs: theirs.shutdown(socket.SHUT_WR))
    with pytest.raises(TimeoutError):
        _read([answer], 2 if answer[1:2] == b"2" else 1)


def test_an_answer_that_trickles_in() -> None:
    def trickle() -> Iterator[bytes]:
        yield b"*1\r\n$1000\r\n"
        for _ in range(40):
            time.sleep(0.02)
            yield b"x"

    with pytest.raises(TimeoutError, match="in time"):
        _read(trickle(), 1, seconds=0.1)
