"""How long a client may take: uvicorn itself waits for a request, and for somebody to read its answer, for ever.

A connection that sends its request a byte at a time (Slowloris, R-U-Dead-Yet), or does not read what it asked for,
costs nothing to keep open and takes a socket from everybody else. Here the head of a request must be there after
`HEAD_SECONDS` and be no longer than `HEAD_BYTES`; a body has `BODY_SECONDS` and one more for every `BODY_RATE` bytes of
it that have come, as Apache's `mod_reqtimeout` has it; an answer that nobody reads is given up after `STALLED_SECONDS`.

A request that comes in one piece sets no timer.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

PROTOCOL = "foundation.receiving:BoundedProtocol"
"""uvicorn's `http`."""
HEAD_SECONDS = 10.0
HEAD_BYTES = 32 * 1024
BODY_SECONDS = 10.0
BODY_RATE = 16 * 1024
"""Bytes a second."""
STALLED_SECONDS = 30.0


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP, with an end to waiting."""

    _timer: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _deadline: float = 0.0
    _in_head = True
    _receiving = True
    """A request is expected, or on its way; a kept connection without one is closed by uvicorn's own timer."""
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection that says nothing is given as long as one that says too little."""
        super().connection_made(transport)
        self._wait_for(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is waited for any more."""
        self._stop_waiting()
        self._read_again()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a request, or all of it."""
        super().data_received(data)
        if self.transport.is_closing() or not self._receiving:
            self._stop_waiting()
        elif self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            elif self._timer is None:
                self._wait_for(HEAD_SECONDS)
        elif self._timer is None:
            self._wait_for(BODY_SECONDS)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._receiving = self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its body has a time of its own."""
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """What comes buys time for the rest."""
        self._deadline += len(body) / BODY_RATE
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it is here."""
        self._receiving = False
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client reads slower than it is answered."""
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(STALLED_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read some."""
        self._read_again()
        super().resume_writing()

    def _wait_for(self, seconds: float) -> None:
        self._deadline = self.loop.time() + seconds
        self._timer = self.loop.call_at(self._deadline, self._too_late)

    def _too_late(self) -> None:
        if self._deadline > self.loop.time() and not self._in_head:  # more of the body has come meanwhile
            self._timer = self.loop.call_at(self._deadline, self._too_late)
            return
        self._timer = None
        self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        """Say why if nothing has been said, and hang up."""
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self._in_head or not self.cycle.response_started:
            line = f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            self.transport.write(line.encode())
        self.transport.close()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _read_again(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
