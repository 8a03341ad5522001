"""`python -m pipeline`."""

import os
import sys

_STOPPED = 130

if __name__ == "__main__":
    try:
        from components import terminal_text
        from pipeline.cli import main

        with terminal_text.printable_output():
            status = main.main(sys.argv[1:])
    except KeyboardInterrupt:  # while it was importing, or before its command began
        print("stopped", file=sys.stderr)
        status = _STOPPED
    sys.stdout.flush()
    sys.stderr.flush()
    # Not `sys.exit`: pyarrow's CSV reader, closed before its end, leaves a thread behind that aborts an interpreter
    # which ends within milliseconds ("terminate called without an active exception"; about one time in ten on both
    # stacks).
    os._exit(status)
