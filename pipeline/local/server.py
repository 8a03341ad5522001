"""The local server's process: its socket, the parts it is made of, its end."""

import functools
import gc
import logging
import os
import signal
import socket
import sys
import typing
import warnings
from pathlib import Path

from components.declaration import Launch
from components.serving.history_store import HistoryStore, MemoryHistories
from pipeline.local import newest_outputs, own_functions
from pipeline.local.baseline_rules import BaselineRules
from pipeline.local.serve_options import Options
from pipeline.settings import Settings

if typing.TYPE_CHECKING:
    from components.serving.arms import Arms
    from components.serving.demo import Demo
    from components.serving.service import Service
    from components.serving.user_columns import UserStore

if typing.TYPE_CHECKING:
    import uvicorn

    from components.serving.access import Access
    from components.serving.connections import ConnectionLimits

# A thread that loads a version holds Python's lock for as long as this before a request gets it (the default is 5 ms).
SWITCH_SECONDS = 0.0005
POLL_SECONDS = 1.0


def listen(host: str, port: int) -> socket.socket:
    """Returns a listening socket that says it is TCP.

    asyncio sends without delay (TCP_NODELAY) on such sockets only, and `socket.create_server` makes one of protocol 0:
    with that, every answer on a kept connection waited 40 ms for the caller's delayed acknowledgement (measured: p50 48
    ms instead of 1.3).
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


def configure(application: typing.Any, access: "Access", limits: "ConnectionLimits") -> "uvicorn.Config":
    """uvicorn's configuration: bounded connections, no access log, JSON for pages of allowed origins."""
    import uvicorn

    from components.serving import app, connections

    return uvicorn.Config(
        app.guard(application, access),
        http=connections.make_protocol(limits),
        ws="none",
        lifespan="on",
        backlog=connections.BACKLOG,
        timeout_keep_alive=limits.idle_seconds,
        access_log=False,
        log_level="error",  # a warning per malformed request lets anyone fill the disk
    )


def run(
    launch: Launch,
    settings: Settings,
    options: Options,
    listening: socket.socket,
    histories: HistoryStore,
    users: "UserStore | None" = None,
) -> int:
    """Serves until it is told to stop (Ctrl-C or SIGTERM): what was begun is answered, the log is closed.

    Args:
      launch: the declaration.
      settings: where versions and log are.
      options: how it works.
      listening: its socket.
      histories: of the users whose callers send none.
      users: the store of their columns; None where no table is declared.
    """
    import uvicorn

    from components.serving import access, app, connections, log_histories
    from components.serving.connections import ConnectionLimits
    from components.serving.user_columns import TableUsers
    from components.serving.work_queue import WorkQueue

    _prepare_process()
    service, arms = _make_service(launch, settings, options, histories, users)

    def close() -> None:
        arms.stop()
        if service.log is not None:
            service.log.close()

    queue = WorkQueue(options.threads, options.waiting, options.timeout)
    records = launch.log.starts_empty and options.traffic is not None and not options.token
    demo = _make_demo(service, settings, records) if options.demo else None
    allowed = access.of_server(options.host, options.origins, options.token)
    bounds = ConnectionLimits(
        connections.allow_open_files(options.connections), answer_seconds=2 * options.timeout + 20
    )
    report = functools.partial(_read_report, settings.pipeline_root)
    config = configure(app.create(service, queue, close, demo, allowed, report), allowed, bounds)
    # uvicorn ends in good order and then raises the signal again: being told to stop is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    arms.follow(POLL_SECONDS)
    if isinstance(histories, MemoryHistories):
        log_histories.seed_later(histories, launch, str(settings.data), options.traffic)
    if isinstance(users, TableUsers):
        users.follow()
    uvicorn.Server(config).run(sockets=[listening])
    return 0


def _make_service(
    launch: Launch, settings: Settings, options: Options, histories: HistoryStore, users: "UserStore | None"
) -> tuple["Service", "Arms"]:
    """Builds the service on the served folder and, while an experiment runs, on that of the control arm."""
    from components.registry.experiment_state import find_control
    from components.registry.versions import Version
    from components.serving.arms import Arms
    from components.serving.event_log import EventLog
    from components.serving.loaded_model import LoadedModel
    from components.serving.model_holder import ModelHolder
    from components.serving.predict_request import Limits
    from components.serving.prometheus_metrics import Metrics
    from components.serving.service import Service

    metrics = Metrics()
    log = EventLog(options.traffic, day_folder=options.day_folder) if options.traffic else None

    def load(version: Version) -> LoadedModel:
        _set_imports_aside()
        return LoadedModel(version.number, version.folder, options.threads)

    def note_change(event: str) -> None:
        metrics.changes.labels(event).inc()
        gc.collect()  # a graph is full of cycles, which Python would find late: 27 MB per version

    control = ModelHolder(find_control(settings.serving), load, note_change) if launch.experiment else None
    holder = ModelHolder(settings.serving, load, note_change)
    arms = Arms(holder, control)
    path = options.explore_policy
    policy = own_functions.load("--explore-policy", path, own_functions.EXAMPLE) if path else None
    exploring: dict[str, typing.Any] = {"explore_slot": options.explore_slot, "policy": policy}
    memory = options.remember * 1_000_000
    running = arms if launch.experiment else None
    service = Service(
        launch,
        holder,
        log,
        metrics,
        Limits(),
        options.explore,
        histories,
        remembered_bytes=memory,
        arms=running,
        users=users,
        **exploring,
    )
    return service, arms


def _make_demo(service: "Service", settings: Settings, records: bool) -> "Demo":
    from components.serving import demo_users
    from components.serving.demo import Demo
    from components.serving.loaded_model import LoadedModel

    baseline = BaselineRules(settings.pipeline_root, lambda folder: LoadedModel(0, folder))
    baseline.find()  # begins to load
    return Demo(service, lambda: demo_users.read(service.launch, str(settings.data)), records, baseline.find)


def _read_report(pipeline_root: Path) -> bytes | None:
    file = newest_outputs.find_newest(pipeline_root, newest_outputs.REPORTS)
    return file.read_bytes() if file else None


def _prepare_process() -> None:
    """Logs our own messages from INFO on, others' from WARNING on, and lets threads take turns often."""
    # Read when TensorFlow is imported: its C++ prints a dozen lines about GPUs otherwise; its errors reach us as exceptions.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("dayone").setLevel(logging.INFO)
    sys.setswitchinterval(SWITCH_SECONDS)


def _set_imports_aside() -> None:
    """Imports TensorFlow, and tells the garbage collector not to look at its million objects again: a look stops all requests."""
    if not gc.get_freeze_count():
        import tensorflow as tf  # noqa: F401

        gc.collect()
        gc.freeze()
