"""Does the server's memory stay? Varied requests and events by 16 clients without a pause: `make bench-serving ARGS="--soak"`.

Every request has users, histories and exclusions of its own, and is followed by a click on what it showed, so that whatever is remembered
per answer or per user fills up. The server's bounds (64 MB of remembered answers, 100,000 users with a history) are reached within the
first minutes; after that memory should be flat.
"""

import itertools
import json
import random
import shutil
import tempfile
import threading
import time
from pathlib import Path

from bench_client import PATH, Connection, message
from bench_storm import ITEMS, resident
from server_process import ServerProcess

CLIENTS, ROWS, REPORTS = 16, 4, 12


class Soak:
    """Clients that ask until `end`; counts answers and what went wrong."""

    def __init__(self, port):
        self.answers, self.failures, self._port = [0] * CLIENTS, [], port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _ask(self, number):
        rng, connection = random.Random(number), Connection(self._port, b"")
        try:
            for turn in itertools.count():
                if self._stop.is_set():
                    return
                rows = [self._row(rng, f"u{number}-{turn}-{row}") for row in range(ROWS)]
                status, body = connection.send(message(PATH, json.dumps({"instances": rows}).encode()))
                if status == 200:
                    status, body = connection.send(message("/v1/events", self._click(rows, json.loads(body))))
                if status != 200:
                    self.failures.append((status, body[:200]))
                self.answers[number] += ROWS
        except (OSError, ValueError) as error:
            self.failures.append(repr(error))

    def _row(self, rng, user):
        some = [str(rng.randrange(ITEMS)) for _ in range(150)]
        return {"user_id": user, "history": some[:50], "exclude_ids": some[50:], "device": "mobile", "country": "NL"}

    def _click(self, rows, answer):
        shown = zip(rows, answer["predictions"], answer["request_ids"], strict=True)
        events = [
            {"user_id": row["user_id"], "item_id": answer["item_ids"][0], "event": "click", "request_id": of}
            for row, answer, of in shown
        ]
        return json.dumps({"events": events}).encode()

    def end(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def main(seconds, model=None):
    import bench_serving

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "shop" / "serving" / "shop" / "1"
        if model:
            shutil.copytree(model, folder)
        else:
            bench_serving.save(folder, ITEMS)
        server = ServerProcess(Path(temporary))
        try:
            server.wait_ready(1)
            failures = soak(server, seconds)
        finally:
            server.end()
        if failures:
            raise SystemExit(f"{len(failures)} requests failed, such as {failures[:3]}")


def soak(server, seconds):
    """Sends requests for `seconds` seconds, and prints the server's memory a dozen times."""
    load, began, samples = Soak(server.client.port), time.monotonic(), []
    for _ in range(REPORTS):
        time.sleep(seconds / REPORTS)
        samples.append((sum(load.answers), resident(server)))
        print(f"{time.monotonic() - began:6.0f} s {samples[-1][0]:>9,} answers {samples[-1][1]:8.1f} MB", flush=True)
    load.end()
    (before, low), (after, high) = samples[REPORTS // 2], samples[-1]
    print(
        f"second half: {high - low:+.1f} MB, {(high - low) * 1024 / max(after - before, 1):+.3f} KB per answer; {len(load.failures)} failed"
    )
    return load.failures
