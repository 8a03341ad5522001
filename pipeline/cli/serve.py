"""`python -m pipeline serve`: the local server on the folder that the pipeline pushes to."""

import argparse
import os
import time
from pathlib import Path

from components.declaration import Launch
from components.ingest import spans
from components.serving.access import THIS_MACHINE
from components.serving.guarded_history import DEADLINE
from pipeline import packages
from pipeline.cli import context, launch_options
from pipeline.cli.parser import Commands, Parser
from pipeline.local import history_choice, loop_setup, server, users_choice
from pipeline.local.serve_options import Options, serve_token
from pipeline.settings import SERVE_VARIABLES, Settings


def register(commands: "Commands[Parser]") -> None:
    """Adds the command to the command line."""
    serve = commands.add_parser(
        "serve",
        help="serve the pushed version over HTTP, on this machine",
        description="Serve the pushed version in TF Serving's REST form, follow new versions, log the traffic for the next run. See docs/serving.md.",
        epilog="environment: " + "; ".join(f"{name}: {text}" for name, text in SERVE_VARIABLES.items()),
    )
    launch_options.add(serve, "launch", "workspace")
    for add in (_add_capacity, _add_log, _add_pages):
        add(serve)
    serve.set_defaults(command=_serve)


def _add_capacity(serve: argparse.ArgumentParser) -> None:
    """Adds where the server listens and how much it takes at once."""
    serve.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on (default: %(default)s, this machine only)"
    )
    serve.add_argument(
        "--port", type=int, default=8501, help="the port (default: %(default)s, as TF Serving; 0 takes a free one)"
    )
    serve.add_argument(
        "--threads", type=int, default=os.cpu_count() or 1, help="model calls at once (default: the cores, %(default)s)"
    )
    serve.add_argument(
        "--waiting", type=int, default=256, help="requests that may wait; more get 503 (default: %(default)s)"
    )
    serve.add_argument("--timeout", type=float, default=5.0, help="seconds for a request (default: %(default)s)")
    serve.add_argument(
        "--connections",
        type=int,
        default=1_000,
        help="open connections; above, the one that waited longest is closed (default: %(default)s)",
    )
    serve.add_argument(
        "--remember",
        type=int,
        default=64,
        metavar="MB",
        help="memory for answers that events are joined with (default: %(default)s)",
    )


def _add_log(serve: argparse.ArgumentParser) -> None:
    """Adds what the server explores, logs and remembers of users."""
    serve.add_argument(
        "--explore",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of requests shown in a random order (default: %(default)s)",
    )
    serve.add_argument(
        "--explore-slot",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of requests in which one slot shows an item from below the top k (default: %(default)s)",
    )
    serve.add_argument(
        "--explore-policy",
        default="",
        metavar="PATH",
        help="the dotted path of your own exploration policy (docs/extend.md)",
    )
    serve.add_argument(
        "--traffic",
        type=Path,
        metavar="DIR",
        help="the folder for the traffic log (default: the declared log's, if `loop` set it up)",
    )
    serve.add_argument("--no-log", dest="log", action="store_false", help="write no log")
    serve.set_defaults(command=_serve)
    serve.add_argument(
        "--history",
        default=history_choice.MEMORY,
        metavar="STORE",
        help="where histories come from (default: %(default)s)",
    )
    serve.add_argument(
        "--users",
        default=users_choice.TABLE,
        metavar="STORE",
        help="where the columns of a declared users table come from: the table, or the dotted path of your own store",
    )
    serve.add_argument(
        "--store-deadline",
        type=float,
        default=1000 * DEADLINE,
        metavar="MS",
        help="milliseconds to wait for those two stores; then the answer is made without them (default: %(default)g)",
    )


def _add_pages(serve: argparse.ArgumentParser) -> None:
    """Adds who may ask from a browser, and the demo."""
    serve.add_argument(
        "--demo",
        action=argparse.BooleanOptionalAction,
        help="a page with users of the log (default: if only this machine is served)",
    )
    serve.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="allow browsers to send requests for pages of this site (repeatable)",
    )


def _serve(given: argparse.Namespace) -> int:
    loaded = context.load(given, "launch", "workspace")
    settings, launch = loaded.settings, loaded.effective_launch
    options = _options(given, launch, settings)
    deadline = options.store_deadline / 1000
    histories = history_choice.make(options.history, launch, settings.home, deadline)
    users = users_choice.make(options.users, launch, settings.data, settings.home, deadline)
    with server.listen(options.host, options.port) as listening:
        address, port = listening.getsockname()[:2]
        print(
            f"serving {launch.name} from {settings.serving} at http://{address}:{port}/v1/models/{launch.name}",
            flush=True,
        )
        print(_where_the_log_goes(launch, settings, options), flush=True)
        pages = "demo, last report, requests" if options.demo else "requests"
        print(f"pages: http://{address}:{port}/ ({pages})", flush=True)
        if not settings.champion():
            print(
                f"no version yet: answers begin when `{packages.name_python()} -m pipeline run` has pushed one",
                flush=True,
            )
        return server.run(launch, settings, options, listening, histories, users)


def _options(given: argparse.Namespace, launch: Launch, settings: Settings) -> Options:
    chosen = given.traffic or loop_setup.traffic_folder(launch, settings) or settings.home / "traffic"
    traffic = chosen.resolve() if given.log else None
    day_folder = spans.day_folder(launch.log.path, str(settings.data))
    demo = given.host in THIS_MACHINE if given.demo is None else given.demo
    return Options(
        host=given.host,
        port=given.port,
        threads=given.threads,
        waiting=given.waiting,
        timeout=given.timeout,
        explore=given.explore,
        traffic=traffic,
        day_folder=day_folder,
        history=given.history,
        demo=demo,
        origins=tuple(given.allow_origin),
        connections=given.connections,
        remember=given.remember,
        token=serve_token(os.environ),
        explore_slot=given.explore_slot,
        explore_policy=given.explore_policy,
        users=given.users,
        store_deadline=given.store_deadline,
    )


def _where_the_log_goes(launch: Launch, settings: Settings, options: Options) -> str:
    """For the person who starts the server: also whether a run would read it there."""
    if options.traffic is None:
        return "the traffic's log: none"
    example = options.traffic / time.strftime(options.day_folder, time.gmtime()) / "traffic-0-0.jsonl"
    if spans.takes(launch.log.path, str(settings.data), str(example)):
        return f"the traffic's log: {options.traffic}  (the next run reads it)"
    return f"the traffic's log: {options.traffic}  (no run reads it: the declared log is {settings.locate(launch.log.path)}; `loop` sets that up)"
