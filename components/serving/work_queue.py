"""The bounded queue between the network and the model: what does not fit is told so at once, instead of waiting for ever."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from components.serving.request_errors import BUSY, TIMED_OUT, RequestError

T = TypeVar("T")


class WorkQueue:
    """Runs work in a few threads; at most `waiting` pieces wait beside those that run."""

    def __init__(self, threads: int, waiting: int, seconds: float):
        """Takes the number of threads, the bound, and how long a piece may take, its waiting included."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="model")
        self._most, self.seconds = threads + waiting, seconds
        self.in_flight = 0

    async def run(self, work: Callable[[], T]) -> T:
        """The result of the work.

        Raises:
          RequestError: if the queue is full, or the time is over; work that began goes on, as a thread cannot be stopped, and keeps its place.
        """
        if self.in_flight >= self._most:
            raise RequestError(f"the server is busy: {self.in_flight:,} requests wait or are worked on. Try again.", BUSY)
        self.in_flight += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        future.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(future), self.seconds)
        except asyncio.TimeoutError as error:
            future.cancel()
            raise RequestError(f"no answer within {self.seconds:g} s.", TIMED_OUT) from error

    def _done(self, future: "asyncio.Future[T]") -> None:
        self.in_flight -= 1
        if not future.cancelled():
            future.exception()  # nobody may be waiting for it any more

    def close(self) -> None:
        """Lets what runs end, drops what waits."""
        self._pool.shutdown(wait=True, cancel_futures=True)
