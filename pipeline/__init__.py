"""How the steps are wired and run, and the command line.

Importing this package has one side effect, the only one of the house: TensorFlow reads two variables while it is
imported. TensorFlow Recommenders needs Keras 2, and a process should take the memory of a GPU as it needs it, not all
of it at once: a run and a server share one. Whoever imports TFX first has imported TensorFlow, and then it is too late
to say so.
"""

import os

__version__ = "0.1.0"

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
