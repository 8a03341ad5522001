"""An index of Pinecone's on a port of this machine, as far as its data plane's wire form is documented: it refuses what the service refuses.

Vectors lie in dictionaries; `failures` is what the next requests are answered with instead: statuses, or seconds to
sleep first.
"""

import contextlib
import json
import math
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "pc-secret-key"
PAGE = 3  # ids in a page of a listing: small, so that clients need the second page


class Refused(Exception):
    """A 400, and why."""


class Index:
    """The index's content and the requests to it."""

    def __init__(self, dimension=3, lag=0):
        self.dimension, self.namespaces, self.failures = dimension, {}, {}
        self.requests, self.lag, self.lock = [], lag, threading.Lock()

    def names(self):
        """The method and path of each request."""
        return [f"{method} {path}" for method, path, _ in self.requests]

    def answer(self, method, path, query, body):
        if (method, path) == ("POST", "/describe_index_stats"):
            return self.stats()
        if (method, path) == ("POST", "/vectors/upsert"):
            return self.upsert(body)
        if (method, path) == ("GET", "/vectors/list"):
            return self.listed(query)
        if (method, path) == ("POST", "/vectors/delete"):
            return self.delete(body)
        if method == "DELETE" and path.startswith("/namespaces/"):
            del self.namespaces[urllib.parse.unquote(path.removeprefix("/namespaces/"))]
            return {}
        raise Refused(f"no such request: {method} {path}")

    def stats(self):
        """Counts lag behind: the first `lag` answers know nothing of the newest."""
        self.lag -= 1
        counts = {name: {"vectorCount": max(len(held) - (self.lag >= 0), 0)} for name, held in self.namespaces.items()}
        return {
            "namespaces": counts,
            "dimension": self.dimension,
            "indexFullness": 0,
            "totalVectorCount": sum(map(len, self.namespaces.values())),
        }

    def upsert(self, body):
        if not 1 <= len(body["vectors"]) <= 1_000:
            raise Refused("1 to 1000 vectors")
        for vector in body["vectors"]:
            self.check(vector)
        self.namespaces.setdefault(body.get("namespace", "__default__"), {}).update(
            {vector["id"]: vector for vector in body["vectors"]}
        )
        return {"upsertedCount": len(body["vectors"])}

    def check(self, each):
        if not each["id"].isascii() or "\0" in each["id"] or not 1 <= len(each["id"]) <= 512:
            raise Refused(f"Vector ID must be ASCII, 1 to 512: {each['id']!r}")
        if len(each["values"]) != self.dimension:
            raise Refused(
                f"Vector dimension {len(each['values'])} does not match the dimension of the index {self.dimension}"
            )
        if not any(each["values"]) or not all(math.isfinite(value) for value in each["values"]):
            raise Refused("Dense vectors must contain at least one non-zero value")
        for name, value in each["metadata"].items():
            if name.startswith("$") or value is None or not isinstance(value, str | int | float | bool):
                raise Refused(f"Metadata value must be a string, number, boolean: {name} {value!r}")
        if len(json.dumps(each["metadata"])) > 40_960:
            raise Refused("Metadata size exceeds 40960 bytes")

    def listed(self, query):
        ids = sorted(self.namespaces.get(query.get("namespace", "__default__"), ()))
        start = int(query.get("paginationToken", "0"))
        more = {"pagination": {"next": str(start + PAGE)}} if start + PAGE < len(ids) else {}
        return {
            "vectors": [{"id": item} for item in ids[start : start + PAGE]],
            "namespace": query.get("namespace"),
            "usage": {"readUnits": 1},
        } | more

    def delete(self, body):
        if not 1 <= len(body["ids"]) <= 1_000 or "deleteAll" in body:
            raise Refused("1 to 1000 ids")
        for item in body["ids"]:
            self.namespaces.get(body["namespace"], {}).pop(item, None)
        return {}


def _handler(index):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def handle_any(self):
            path, _, query = self.path.partition("?")
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.loads(content) if content else None
            with index.lock:
                index.requests.append((self.command, path, body))
                waiting = index.failures.get(path, [])
                failure = waiting.pop(0) if waiting else None
            if isinstance(failure, float):
                time.sleep(failure)
            elif failure:
                return self.send(failure, {"code": failure, "message": f"scripted {failure}"})
            if self.headers["Api-Key"] != KEY:
                return self.send(401, {"code": 16, "message": "Invalid API Key"})
            if content and self.headers["Content-Type"] != "application/json":
                return self.send(400, {"code": 3, "message": "not JSON"})
            try:
                with index.lock:
                    return self.send(200, index.answer(self.command, path, dict(urllib.parse.parse_qsl(query)), body))
            except Refused as error:
                return self.send(400, {"code": 3, "message": str(error)})

        do_GET = do_POST = do_DELETE = handle_any

        def send(self, status, answer):
            content = json.dumps(answer).encode()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client that timed out is gone
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                if status == 429:
                    self.send_header("Retry-After", "0")
                self.end_headers()
                self.wfile.write(content)

    return Handler


@contextlib.contextmanager
def serving(index):
    """Serves the index; yields its host."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(index))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
