"""Which version is the champion: the one that model servers take, the highest number in the served folder.

    serving/shop/1764000000/          a version

There is no second record of it that could disagree: whoever rolls back moves the folder, and the next run is compared
with what is left.
"""

import os

import tensorflow as tf

SAVED_MODEL = "saved_model.pb"


def served(place: str) -> str:
    """The folder of the version that is served.

    Args:
      place: a version's folder, which is its own answer; a served folder; or "".

    Returns:
      "" where nothing is served: no folder, no version with a SavedModel.
    """
    if not place or not tf.io.gfile.isdir(place):
        return place if place and _is_version(place) else ""
    if tf.io.gfile.exists(os.path.join(place, SAVED_MODEL)):
        return place
    versions = [name.rstrip("/") for name in tf.io.gfile.listdir(place)]
    whole = [name for name in versions if name.isdigit() and tf.io.gfile.exists(os.path.join(place, name, SAVED_MODEL))]
    return os.path.join(place, max(whole, key=int)) if whole else ""


def _is_version(place: str) -> bool:
    return os.path.basename(place.rstrip("/")).isdigit()
