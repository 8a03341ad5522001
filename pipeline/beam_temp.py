"""The temporary folders of Beam's file sinks: removed when a step ends, however it ends.

A sink writes below `beam-temp-...` beside its files and renames them at the end. What remains after that belongs to an
attempt that an engine gave up, or to a job that was ended; in an artifact it would be published.
"""

import os

from tfx.dsl.io import fileio

PREFIX = "beam-temp"


def remove(folder: str) -> list[str]:
    """Removes the temporary folders at any depth below a folder, which may be in a store; returns what was removed."""
    found = [
        os.path.join(parent, name)
        for parent, names, _ in fileio.walk(folder)
        for name in names
        if name.startswith(PREFIX) and PREFIX not in parent
    ]
    for path in found:
        fileio.rmtree(path)
    return found
