"""`python -m pipeline serve`: the local server on the folder that the pipeline pushes to."""

import argparse
import dataclasses
import gc
import logging
import os
import signal
import socket
import sys
from pathlib import Path

from components.declaration import Launch
from components.errors import SettingsError
from components.serving.history_store import HistoryStore
from pipeline import history_choice, launches
from pipeline.settings import Settings

# A thread that loads a version holds Python's lock for as long as this before a request gets it (the default is 5 ms).
SWITCH_SECONDS = 0.0005
POLL_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class Options:
    """How the server works.

    Attributes:
      host, port: where it listens; port 0 takes a free one.
      threads: model calls at once; each runs on one core.
      waiting: requests that may wait for a thread; more are told to try again.
      timeout: seconds for a request, its waiting included.
      explore: the share of requests that explore, in [0, 1].
      traffic: the folder of the log it writes; None writes none.
      history: the store of histories, see `history_choice`.
    """

    host: str
    port: int
    threads: int
    waiting: int
    timeout: float
    explore: float
    traffic: Path | None
    history: str = history_choice.MEMORY

    def __post_init__(self) -> None:
        """Checks the numbers."""
        for name, value, low, high in (
            ("port", self.port, 0, 65_535),
            ("threads", self.threads, 1, 1_024),
            ("waiting", self.waiting, 0, 1_000_000),
            ("timeout", self.timeout, 0.001, 3_600),
            ("explore", self.explore, 0, 1),
        ):
            if not low <= value <= high:
                raise SettingsError(f"--{name}", value, f"a number from {low} to {high}")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    serve = commands.add_parser(
        "serve",
        help="serve the pushed version over HTTP, on this machine",
        description="Serve the pushed version in TF Serving's REST form, follow new versions, log the traffic for the next run. See docs/serving.md.",
    )
    serve.add_argument("--launch", metavar="NAME", help=f"the launch, see `launches` (default: {launches.DEFAULT})")
    serve.add_argument("--workspace", metavar="DIR", help="the folder that runs write to (default: runs/ in the project)")
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s, this machine only)")
    serve.add_argument("--port", type=int, default=8501, help="the port (default: %(default)s, as TF Serving; 0 takes a free one)")
    serve.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="model calls at once (default: the cores, %(default)s)")
    serve.add_argument("--waiting", type=int, default=256, help="requests that may wait; more get 503 (default: %(default)s)")
    serve.add_argument("--timeout", type=float, default=5.0, help="seconds for a request (default: %(default)s)")
    serve.add_argument("--explore", type=float, default=0.0, metavar="SHARE", help="share of requests shown in a random order (default: %(default)s)")
    serve.add_argument("--traffic", type=Path, metavar="DIR", help="the folder of the log it writes (default: runs/<launch>/traffic)")
    serve.add_argument("--history", default=history_choice.MEMORY, metavar="STORE", help="where histories come from (default: %(default)s)")
    serve.add_argument("--no-log", dest="log", action="store_false", help="write no log")
    serve.set_defaults(command=_serve)


def _serve(given: argparse.Namespace) -> int:
    settings = Settings.from_environment(os.environ, {"launch": given.launch, "workspace": given.workspace})
    launch = launches.load(settings.launch)
    traffic = (given.traffic or settings.home / "traffic").resolve() if given.log else None
    options = Options(given.host, given.port, given.threads, given.waiting, given.timeout, given.explore, traffic, given.history)
    histories = history_choice.make(options.history, launch, settings.home)
    with listen(options.host, options.port) as listening:
        return run(launch, settings.serving, options, listening, histories)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket that says it is TCP.

    asyncio sends without delay (TCP_NODELAY) on such sockets only, and `socket.create_server` makes one of protocol 0: with that, every
    answer on a kept connection waited 40 ms for the caller's delayed acknowledgement (measured: p50 48 ms instead of 1.3).
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(1_024)
    except OSError:
        listening.close()
        raise
    return listening


def run(launch: Launch, folder: Path, options: Options, listening: socket.socket, histories: HistoryStore) -> int:
    """Serves until it is told to stop (Ctrl-C or SIGTERM): what was begun is answered, the log is closed."""
    import uvicorn

    from components.serving import app
    from components.serving.event_log import EventLog
    from components.serving.loaded_model import LoadedModel
    from components.serving.metrics import Metrics
    from components.serving.model_holder import ModelHolder
    from components.serving.predict_request import Limits
    from components.serving.service import Service
    from components.serving.versions import Version
    from components.serving.work_queue import WorkQueue

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("dayone").setLevel(logging.INFO)
    sys.setswitchinterval(SWITCH_SECONDS)
    metrics, log = Metrics(), EventLog(options.traffic) if options.traffic else None

    def load(version: Version) -> LoadedModel:
        _set_imports_aside()
        return LoadedModel(version.number, version.folder, options.threads)

    def changed(event: str) -> None:
        metrics.changes.labels(event).inc()
        gc.collect()  # a graph is full of cycles, which would lie there until Python finds enough of them: 27 MB per version

    holder = ModelHolder(folder, load, changed)
    service = Service(launch, holder, log, metrics, Limits(), options.explore, histories)

    def close() -> None:
        holder.stop()
        if log is not None:
            log.close()

    queue = WorkQueue(options.threads, options.waiting, options.timeout)
    config = uvicorn.Config(app.create(service, queue, close), log_level="warning", access_log=False, lifespan="on")
    address, port = listening.getsockname()[:2]
    print(f"serving {launch.name} from {folder} at http://{address}:{port}/v1/models/{launch.name}", flush=True)
    print(f"the traffic's log: {options.traffic or 'none'}", flush=True)
    # uvicorn ends in good order and then raises the signal again: being told to stop is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    holder.follow(POLL_SECONDS)
    uvicorn.Server(config).run(sockets=[listening])
    return 0


def _set_imports_aside() -> None:
    """Imports TensorFlow, and tells the garbage collector not to look at its million objects again: a look stops all requests."""
    if not gc.get_freeze_count():
        import tensorflow as tf  # noqa: F401

        gc.collect()
        gc.freeze()
