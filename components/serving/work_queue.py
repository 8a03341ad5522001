"""The bounded queue between the network and the model: work that does not fit is refused at once.

Threads of its own and one future per piece, not `run_in_executor` under `wait_for` and `shield`: the way to the model
and back took 0.15 ms of a request's 1.0 with those (measured, one client).
"""

import asyncio
import queue
import threading
import typing
from collections.abc import Callable

from components.serving.request_errors import BUSY, TIMED_OUT, RequestError

T = typing.TypeVar("T")


class _Piece(typing.NamedTuple):
    """A piece of work, and the caller who waits for it."""

    work: Callable[[], typing.Any]
    answer: "asyncio.Future[typing.Any]"


class WorkQueue:
    """Runs work in a few threads; at most `waiting` pieces wait in addition to those that run."""

    def __init__(self, threads: int, waiting: int, seconds: float):
        """Takes the number of threads, the bound, and how long a piece may take, its waiting included."""
        self._most, self.seconds = threads + waiting, seconds
        self.in_flight = 0
        self._pieces: queue.SimpleQueue[_Piece | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"model-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, work: Callable[[], T]) -> T:
        """Returns the result of the work.

        Raises:
          RequestError: if the queue is full, or the time is over; work that began continues, as a thread cannot be
            stopped, and keeps its slot.
        """
        if self.in_flight >= self._most:
            raise RequestError(
                f"the server is busy: {self.in_flight:,} requests wait or are worked on. Try again.", BUSY
            )
        self.in_flight += 1
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        timer = loop.call_later(self.seconds, _give_up, answer, self.seconds)
        self._pieces.put(_Piece(work, answer))
        try:
            return await answer
        finally:
            timer.cancel()

    def _work(self) -> None:
        """Runs a thread until it is told to end."""
        while (piece := self._pieces.get()) is not None:
            result, problem = None, None
            try:
                if not piece.answer.done():  # else nobody waits for it any more
                    result = piece.work()
            except BaseException as error:  # noqa: BLE001 it is raised where the answer is waited for
                problem = error
            piece.answer.get_loop().call_soon_threadsafe(self._deliver, piece.answer, result, problem)

    def _deliver(self, answer: "asyncio.Future[typing.Any]", result: object, problem: BaseException | None) -> None:
        self.in_flight -= 1
        if answer.done():
            return
        if problem is None:
            answer.set_result(result)
        else:
            answer.set_exception(problem)

    def close(self) -> None:
        """Lets what was begun or waits end."""
        for _ in self._threads:
            self._pieces.put(None)
        for thread in self._threads:
            thread.join()


def _give_up(answer: "asyncio.Future[typing.Any]", seconds: float) -> None:
    if not answer.done():
        answer.set_exception(RequestError(f"no answer within {seconds:g} s.", TIMED_OUT))
