"""The local server with a clock of its own: `python tests/fakes/clocked_server.py CLOCK serve ...`.

It is the server of `python -m pipeline serve`, in its own process, over HTTP. Only two things differ: what it takes for
the time stands in the file CLOCK (microseconds since the epoch), so that days can be played in seconds; and it closes a
file of its log after a second, so that a run need not wait for it.
"""

import functools
import sys
import types
from pathlib import Path


def main(clock, *arguments):
    from components.serving import event_log, service
    from pipeline.cli import main as command_line

    file = Path(clock)
    service.time = types.SimpleNamespace(time_ns=lambda: int(file.read_text()) * 1_000)
    event_log.EventLog = functools.partial(event_log.EventLog, seconds_per_file=1.0)
    return command_line.main(list(arguments))


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    sys.exit(main(*sys.argv[1:]))
