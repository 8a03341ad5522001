"""Clients that ask a server on this machine without a pause and keep their connections, for `bench_serving.py` and `bench_storm.py`.

A client writes and reads bytes: `http.client` took as long to parse an answer's headers as the server to write them,
which says nothing about the server.
"""

import socket
import threading
import time

import numpy as np

PATH = "/v1/models/shop:predict"


def message(path, body):
    """A request as bytes."""
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Connection:
    """One kept connection that asks one question again and again."""

    def __init__(self, port, body):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._message = message(PATH, body)

    def ask(self):
        """Status and body of the answer."""
        return self.send(self._message)

    def send(self, content):
        """Status and body of the answer to a complete message."""
        self._socket.sendall(content)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < size:
            body += self._more()
        return int(head[9:12]), body

    def _more(self):
        part = self._socket.recv(65_536)
        if not part:
            raise ConnectionError("the server closed the connection")
        return part


class Load:
    """Clients that ask from `start` to `end`; `check(status, body)` says what is wrong with an answer, or nothing."""

    def __init__(self, once, clients, check=lambda answer: ""):
        """`once()` gives each client its own function that asks and returns an answer for `check`."""
        self._once, self._check, self._stop = once, check, threading.Event()
        self._times, self.failures = [[] for _ in range(clients)], []
        self._threads = [threading.Thread(target=self._ask, args=(mine,)) for mine in self._times]

    def start(self):
        self._began = time.perf_counter()
        for thread in self._threads:
            thread.start()
        return self

    def _ask(self, mine):
        try:
            once = self._once()
            while not self._stop.is_set():
                began = time.perf_counter()
                answer = once()
                mine.append(time.perf_counter() - began)
                if problem := self._check(answer):
                    self.failures.append(problem)
        except (OSError, ValueError) as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    def end(self):
        """Stops the clients; milliseconds p50 and p99, answers per second."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        times = np.concatenate(self._times) * 1e3
        return np.quantile(times, 0.5), np.quantile(times, 0.99), len(times) / (time.perf_counter() - self._began)


def measure(once, clients, seconds):
    """Sends requests for `seconds` seconds; fails where an answer does."""
    load = Load(once, clients, lambda answer: "" if answer is None or answer[0] == 200 else str(answer)).start()
    time.sleep(seconds)
    measurement = load.end()
    assert not load.failures, load.failures[:3]
    return measurement
