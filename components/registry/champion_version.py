"""Finds the champion: the version that model servers load, which is the highest number in the serving folder.

    serving/shop/1764000000/          a version

No second record of the champion exists that could disagree: a rollback renames the folder, and the next run is compared
with the highest version that remains.
"""

import os

import tensorflow as tf

SAVED_MODEL = "saved_model.pb"


def served(path: str) -> str:
    """Returns the folder of the version that is served.

    Args:
      path: a serving folder; a version's folder, which is returned as is; or "".

    Returns:
      "" if nothing is served: the folder does not exist, or holds no version with a SavedModel.
    """
    if not path or not tf.io.gfile.isdir(path):
        return path if path and _is_version(path) else ""
    if tf.io.gfile.exists(os.path.join(path, SAVED_MODEL)):
        return path
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(path)]
    versions = [name for name in names if name.isdigit() and tf.io.gfile.exists(os.path.join(path, name, SAVED_MODEL))]
    return os.path.join(path, max(versions, key=int)) if versions else ""


def _is_version(path: str) -> bool:
    return os.path.basename(path.rstrip("/")).isdigit()
