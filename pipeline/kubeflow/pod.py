"""The set-up of a step's pod: the number of threads, and a check of the volume."""

import os
import tempfile

from components.errors import SettingsError


def limit_threads(count: int) -> None:
    """Gives TensorFlow as many threads as the pod has cores; by itself it counts those of the node."""
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, str(count))


def check_writable(folder: str) -> None:
    """Checks that this user may make files in a folder, which may not exist yet.

    Raises:
      SettingsError: if not; the last step of the run would fail of it.
    """
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        fix = (
            "A new volume belongs to root: apply kubeflow/base, whose Job dayone-prepare changes that (kubectl logs job/dayone-prepare), "
            "or let the storage class do so."
        )
        raise SettingsError(
            "cluster.workspace", folder, f"a folder that user {os.getuid()} may write ({error.strerror})", fix
        ) from error
