"""`python -m pipeline`."""

import sys

from pipeline import commands

if __name__ == "__main__":
    sys.exit(commands.main(sys.argv[1:]))
