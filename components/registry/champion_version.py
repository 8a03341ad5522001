"""Finds the champion: the version that model servers load, which is the highest number in the serving folder.

    serving/shop/1764000000/          a version

No second record of the champion exists that could disagree: a rollback renames the folder, and the next run is compared
with the highest version that remains.
"""

import contextlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator

import tensorflow as tf

SAVED_MODEL = "saved_model.pb"
# Where a version that was trained once more on all events keeps the model that the verdict was about. An archive: a
# pusher takes files of the name `saved_model.pb` apart, wherever they are.
JUDGED = os.path.join("assets.extra", "judged.zip")


def find_served(path: str) -> str:
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


def keep_judged(model: str, version: str) -> None:
    """Stores the model that the verdict was about in the folder of one that was trained once more.

    Args:
      model: the folder of the SavedModel; it may be on another file system.
      version: the folder of the other one.
    """
    with tempfile.TemporaryDirectory() as local:
        packed = os.path.join(local, os.path.basename(JUDGED))
        with zipfile.ZipFile(packed, "w") as archive:
            for folder, _, names in tf.io.gfile.walk(model):
                for path in (os.path.join(folder, name) for name in names):
                    entry = archive.open(os.path.relpath(path, model), "w", force_zip64=True)
                    with entry, tf.io.gfile.GFile(path, "rb") as file:
                        shutil.copyfileobj(file, entry)
        tf.io.gfile.makedirs(os.path.join(version, os.path.dirname(JUDGED)))
        tf.io.gfile.copy(packed, os.path.join(version, JUDGED), overwrite=True)


@contextlib.contextmanager
def open_judged(path: str) -> Iterator[str]:
    """Yields the folder of the model with which the served version is compared: it has not learnt from the eval split.

    Args:
      path: as for `served`.

    Yields:
      The folder of the version; of one that was trained once more on all events, a temporary folder with the model that
      won.
    """
    version = find_served(path)
    archive = os.path.join(version, JUDGED)
    if not version or not tf.io.gfile.exists(archive):
        yield version
        return
    with tempfile.TemporaryDirectory() as folder, tf.io.gfile.GFile(archive, "rb") as file:
        with zipfile.ZipFile(file) as content:
            content.extractall(folder)
        yield folder


def _is_version(path: str) -> bool:
    return os.path.basename(path.rstrip("/")).isdigit()
