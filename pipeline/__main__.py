"""`python -m pipeline`."""

import os
import sys

from components import terminal_text
from pipeline.cli import main

if __name__ == "__main__":
    with terminal_text.printable_output():
        status = main.main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Not `sys.exit`: pyarrow's CSV reader, closed before its end, leaves a thread behind that aborts an interpreter
    # which ends within milliseconds ("terminate called without an active exception"; about one time in ten on both
    # stacks).
    os._exit(status)
