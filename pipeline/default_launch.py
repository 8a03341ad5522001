"""The launch that runs when none is named. `python -m pipeline new` writes this file for a clone.

The template never changes it, so that a merge from the template leaves a clone's own alone.
"""

LAUNCH = "shop"
# Where the default launch's log lies, from the project's folder or absolute; None: in the current folder, or made as a
# sample.
DATA: str | None = None
