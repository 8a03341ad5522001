"""Which version is being served: what the pointer file beside the served folder names, or the highest number in the folder.

    serving/shop/1764000000/          a version
    serving/shop.champion.json        {"version": "1764000000"}: written when a push is complete

Whoever rolls back edits the pointer, and the next run is compared with what it names.
"""

import json
import os

import tensorflow as tf

POINTER = ".champion.json"
SAVED_MODEL = "saved_model.pb"


def point(folder: str, version: str) -> None:
    """Makes a version of the served folder the champion, at once or not at all."""
    pointer = _pointer(folder)
    with tf.io.gfile.GFile(f"{pointer}.new", "w") as file:
        file.write(json.dumps({"version": version}))
    tf.io.gfile.rename(f"{pointer}.new", pointer, overwrite=True)


def served(place: str) -> str:
    """The folder of the version that is served.

    Args:
      place: a version's folder, which is its own answer; a served folder; or "".

    Returns:
      "" where nothing is served: no folder, no pointer, no version with a SavedModel. A pointer to a version that is not there counts as
      that version: the evaluation then says that it does not load.
    """
    if not place or not tf.io.gfile.isdir(place):
        return place if place and _is_version(place) else ""
    if tf.io.gfile.exists(os.path.join(place, SAVED_MODEL)):
        return place
    pointer = _pointer(place)
    if tf.io.gfile.exists(pointer):
        with tf.io.gfile.GFile(pointer) as file:
            return os.path.join(place, json.loads(file.read())["version"])
    versions = [name.rstrip("/") for name in tf.io.gfile.listdir(place)]
    whole = [name for name in versions if name.isdigit() and tf.io.gfile.exists(os.path.join(place, name, SAVED_MODEL))]
    return os.path.join(place, max(whole, key=int)) if whole else ""


def _pointer(folder: str) -> str:
    return folder.rstrip("/") + POINTER


def _is_version(place: str) -> bool:
    return os.path.basename(place.rstrip("/")).isdigit()
