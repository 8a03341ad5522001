"""How the steps are wired and run, and the command line.

Importing this package has one side effect, the only one of the house: TensorFlow reads TF_USE_LEGACY_KERAS while it is
imported, and TensorFlow Recommenders needs Keras 2. Whoever imports TFX first has imported TensorFlow, and then it is
too late to say so.
"""

import os

__version__ = "0.1.0"

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
