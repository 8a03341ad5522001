import asyncio
import threading

import pytest

from components.serving.request_errors import BUSY, TIMED_OUT, RequestError
from components.serving.work_queue import WorkQueue


def test_results_and_errors_come_back():
    async def go():
        queue = WorkQueue(1, 1, 5)
        assert await queue.run(lambda: 3) == 3
        with pytest.raises(ZeroDivisionError):
            await queue.run(lambda: 1 / 0)
        assert queue.in_flight == 0
        queue.close()

    asyncio.run(go())


def test_what_does_not_fit_is_told_at_once():
    async def go():
        queue, gate = WorkQueue(1, 1, 5), threading.Event()
        running = [asyncio.create_task(queue.run(gate.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(RequestError, match="busy: 2 requests") as raised:
            await queue.run(lambda: None)
        assert raised.value.status == BUSY
        gate.set()
        assert await asyncio.gather(*running) == [True, True]
        queue.close()

    asyncio.run(go())


def test_what_takes_too_long_is_given_up_and_keeps_its_place_until_it_ends():
    async def go():
        queue, gate = WorkQueue(1, 0, 0.05), threading.Event()
        with pytest.raises(RequestError, match=r"no answer within 0.05 s") as raised:
            await queue.run(gate.wait)
        assert raised.value.status == TIMED_OUT
        assert queue.in_flight == 1
        gate.set()
        while queue.in_flight:
            await asyncio.sleep(0.01)
        queue.close()

    asyncio.run(go())
