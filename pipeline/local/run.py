"""A local run as a person sees it: sample, steps, verdict, paths.

This process imports neither TensorFlow nor TFX. It starts the one that does (`runner.py`), draws the screen from
its events, keeps its output in the run's log, and stops it when asked to.
"""

import datetime as dt
import shlex
import signal
from pathlib import Path

from components.errors import DayoneError
from pipeline import packages
from pipeline.local import child_process, loop_setup, lost_memory, metadata_file, repetition, sample
from pipeline.local.run_record import RunRecord
from pipeline.local.run_request import Request
from pipeline.local.screen import Terminal
from pipeline.settings import DEFAULT_LAUNCH, PROJECT, Settings

EXIT_OK, EXIT_STOPPED = 0, 130


class RunError(DayoneError):
    """The run failed; the message is the step's, or says where the log is."""


def run(request: Request, verbose: bool = False, terminal: Terminal | None = None) -> int:
    """Runs the pipeline, or a part of it.

    Args:
      request: what to run.
      verbose: whether TFX's own output is shown too.
      terminal: the screen; None for the standard output.

    Returns:
      0 when the run came to its end, 130 when it was stopped by Ctrl-C.

    Raises:
      DayoneError: for everything that went wrong, with a message for people.
    """
    settings = request.settings
    terminal = terminal or Terminal(live=False if verbose else None)
    _provide_inputs(request, terminal)
    inputs = repetition.digest_inputs(request)
    last = repetition.find(settings, inputs)
    if last:
        _report_repetition(last, request, terminal)
        return EXIT_OK
    with child_process.lock(settings.home) as held:
        settings.logs.mkdir(parents=True, exist_ok=True)
        log = settings.logs / f"{dt.datetime.now().astimezone():%Y%m%d-%H%M%S-%f}.log"
        before = settings.champion()
        record = RunRecord()
        if settings.metadata:
            metadata_file.check(settings.metadata)
        stopped = _follow(request, terminal, record, log, held, verbose)
        if record.finished and settings.keep_runs:
            _clean(settings, terminal)
        record.write(log.with_suffix(".json"), stopped)
        repetition.keep(settings, inputs, record, log, before)
    if stopped:
        terminal.line("stopped; the next run continues from the cache")
        return EXIT_STOPPED
    if record.page and record.failure:
        terminal.line(f"statistics of the data: {record.page}/statistics.html")
    _raise_failure(record, settings, log, verbose)
    _report(record, request, before, log, terminal)
    return EXIT_OK


def _provide_inputs(request: Request, terminal: Terminal) -> None:
    if sample.is_needed(request.settings) and sample.missing_inputs(request.launch, request.settings):
        terminal.line(f"Sample  {sample.make(request.settings.data)}")
    sample.check_inputs(request.launch, request.settings)


def _follow(request: Request, terminal: Terminal, record: RunRecord, log: Path, held: int, verbose: bool) -> bool:
    """Draws the run until its process ends; True if Ctrl-C stopped it."""
    kills = lost_memory.count_kills()
    child = child_process.start(request, log, held, verbose)
    try:
        with terminal:
            terminal.wait("starting TFX (5 to 10 seconds) ...")
            for event in child.follow():
                record.add(event)
                terminal.show(event)
        status = child.wait()
    except KeyboardInterrupt:
        # A second Ctrl-C would leave the process behind.
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        child.stop()
        signal.signal(signal.SIGINT, previous)
        return True
    finally:
        child.stop()
    if not record.finished and record.failure is None:
        message = _ending(status, record.running, lost_memory.count_kills() > kills)
        record.failure = {"step": record.running, "expected": False, "message": message}
    return False


def _ending(status: int, step: str, memory: bool) -> str:
    """Returns how the pipeline's process ended that told no failure.

    Args:
      status: of the process; a signal if negative.
      step: that was running; "" for none.
      memory: whether the system killed a process meanwhile because memory ran out.
    """
    where = f" in step {step}" if step else ""
    if status >= 0:
        return f"the pipeline's process ended with status {status}{where}"
    if status != -signal.SIGKILL:
        return f"the pipeline's process was ended by signal {-status}{where}"
    why = (
        "the system, as memory ran out: give it more memory or a smaller log" if memory else "somebody else (signal 9)"
    )
    return f"the pipeline's process was killed{where} by {why}; the next run continues from the cache"


def _clean(settings: Settings, terminal: Terminal) -> None:
    # Here, because ML Metadata takes a second to import.
    from pipeline.local import cleaning

    try:
        removal = cleaning.clean(settings, settings.keep_runs or 1)
    except (DayoneError, OSError) as error:  # the run itself is done
        terminal.line(f"artifacts of older runs stay: {error}")
        return
    if removal.folders:
        terminal.line(f"removed {removal.removed / 1e6:,.1f} MB of artifacts of older runs")


def _raise_failure(record: RunRecord, settings: Settings, log: Path, verbose: bool) -> None:
    if record.failure is None:
        return
    if record.failure["expected"]:
        raise RunError(sample.with_log(record.failure["message"], settings))
    hint = "" if verbose else "\n       run again with -v to see it as it happens"
    raise RunError(f"{record.failure['message']}\n       full log: {log}{hint}")


def _report_repetition(last: repetition.LastRun, request: Request, terminal: Terminal) -> None:
    """Reports the last run, of which a further one would serve every step from the cache."""
    terminal.line("nothing has changed since the last run; --no-cache runs every step again")
    record = RunRecord(summary=last.summary, page=last.page)
    _report(record, request, request.settings.champion(), Path(last.log), terminal)


def _report(record: RunRecord, request: Request, before: str, log: Path, terminal: Terminal) -> None:
    """Prints the verdict as the pipeline wrote it, then where things are."""
    summary = Path(record.summary) / "summary.txt" if record.summary else None
    if summary and summary.is_file():
        terminal.line(f"\n{summary.read_text(encoding='utf-8').rstrip()}")
    terminal.line()
    for name, text in _paths(record, request.settings, before, log).items():
        terminal.line(f"{name:<8} {text}")
    rows = loop_setup.count_open_rows(request.launch, request.settings)
    if rows:
        terminal.line(f"A server holds {rows:,} more rows of the log. Runs read them 5 minutes after the first")
        terminal.line("of them, or when the server stops; after a kill, when it starts again.")


def _paths(record: RunRecord, settings: Settings, before: str, log: Path) -> dict[str, str]:
    served = settings.champion()
    how = "pushed by this run" if served != before else "still served"
    paths = {"serving": f"{served}  ({how})" if served else "nothing yet"}
    if record.summary:
        paths["report"] = f"{record.summary}/report.html"
    if record.page:
        paths["data"] = f"{record.page}/statistics.html"
    return paths | {"log": str(log), "took": record.totals()} | ({"next": _next_commands(settings)} if served else {})


def _next_commands(settings: Settings) -> str:
    """Returns the two commands that follow a run, with the options that this one had."""
    options = f" --launch {settings.launch}" if settings.launch != DEFAULT_LAUNCH else ""
    options += f" --workspace {shlex.quote(str(settings.workspace))}" if settings.workspace != PROJECT / "runs" else ""
    python = packages.name_python()
    return f"{python} -m pipeline serve{options}\n{'':<8} {python} -m pipeline history{options}"
