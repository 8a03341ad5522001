"""The connections of the local server, bounded: in number, in how long a request's head may take, and in how they end.

uvicorn sets no time limit on a request's head, takes any number of connections, and at SIGTERM closes kept ones at once, so that a client
that just sends its next request loses it. Here

    too many connections   the one that has waited longest without a request is closed; where all are at work, the new one gets 503
    a slow or endless head  closed after `head_seconds` or `head_bytes`
    a caller who never reads the answer  closed after `answer_seconds`
    SIGTERM   no new connections; kept ones get `Connection: close` with their next answer, or are closed after `drain_seconds` without one
"""

import asyncio
import dataclasses
import resource
import typing

from uvicorn.protocols.http.auto import AutoHTTPProtocol

if typing.TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as _Protocol
else:
    _Protocol = object

CLOSE = (b"connection", b"close")
FULL = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n"
BACKLOG = 128  # accepted in one go, before the first of them can be refused
SPARE_FILES = (
    200  # what the server opens in addition to its connections: the model's files, the log, the event loop's own
)


@dataclasses.dataclass(frozen=True)
class ConnectionLimits:
    """See the module. `idle_seconds`: how long a kept connection may wait for its next request."""

    connections: int = 1_000
    head_seconds: float = 10.0
    head_bytes: int = 65_536
    answer_seconds: float = 60.0
    idle_seconds: int = 15
    drain_seconds: float = 2.0


class _Bounded(_Protocol):
    """Mixed into uvicorn's protocol; one object per connection."""

    bounds: ConnectionLimits

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self.since, self.head, self.early, self.draining = self.loop.time(), 0, 0, False
        self._timer = self.loop.call_later(self.bounds.head_seconds, self._look)
        if len(self.connections) > self.bounds.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._timer.cancel()
        super().connection_lost(exc)

    @property
    def is_waiting(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        waited, is_read = self.is_waiting, self.cycle is not None and not self.cycle.more_body
        super().data_received(data)
        if self.is_waiting:  # the head is not complete yet
            if not self.head:
                self.since = self.loop.time()
            self.head += len(data)
            if self.head > self.bounds.head_bytes:
                self.transport.abort()
            return
        if waited:
            self.since, self.head = self.loop.time(), 0
        elif is_read:
            self.early += len(data)  # of the next head: it is timed from the end of the answer on
        if self.draining:
            self._make_last()

    def on_response_complete(self) -> None:
        """Called by uvicorn when an answer is sent."""
        self.since = self.loop.time()
        super().on_response_complete()
        if self.is_waiting:
            self.head, self.early = self.early, 0

    def _look(self) -> None:
        """Closes the connection if its time is over, else looks again when it may be."""
        now, bounds = self.loop.time(), self.bounds
        if not self.is_waiting:
            end = self.since + bounds.answer_seconds
        elif self.head or self.cycle is None:
            end = self.since + bounds.head_seconds
        else:
            end = now + bounds.head_seconds  # uvicorn closes what is idle
        if now < end:
            self._timer = self.loop.call_later(end - now, self._look)
        else:
            self.transport.abort()

    def _make_room(self) -> None:
        """Closes the connection that has waited longest; where all others are at work, this one."""
        others = [
            connection
            for connection in self.connections
            if connection is not self and isinstance(connection, _Bounded) and connection.is_waiting
        ]
        if others:
            oldest = min(others, key=lambda each: each.since)
            self.connections.discard(oldest)
            oldest.transport.abort()
        else:
            self.transport.write(FULL)
            self.transport.close()

    def shutdown(self) -> None:
        """Called by uvicorn when the server is to stop."""
        self.draining = True
        if self.is_waiting:
            self.loop.call_later(self.bounds.drain_seconds, self._end_waiting)
        else:
            self._make_last()

    def _make_last(self) -> None:
        """Marks the current answer as the connection's last, and ends the connection after it."""
        self.cycle.keep_alive = False
        if CLOSE not in self.cycle.scope["headers"]:
            self.cycle.scope["headers"] = [*self.cycle.scope["headers"], CLOSE]

    def _end_waiting(self) -> None:
        if self.is_waiting and not self.transport.is_closing():
            self.transport.close()


def make_protocol(bounds: ConnectionLimits) -> type[asyncio.Protocol]:
    """Returns uvicorn's protocol (httptools where it is installed, else h11) with these limits."""
    return type("BoundedProtocol", (_Bounded, AutoHTTPProtocol), {"bounds": bounds})


def allow_open_files(connections: int) -> int:
    """Raises this process's limit of open files as far as needed and allowed; returns how many connections fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + BACKLOG + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(min(connections, soft - BACKLOG - SPARE_FILES), 1)
    return connections
