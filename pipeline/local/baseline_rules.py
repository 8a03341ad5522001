"""The rules of the last run, loaded for the demo page: the baseline that its verdict compared the model with."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.errors import DayoneError
from pipeline.local import newest_outputs

_LOGGER = logging.getLogger("dayone.serving")


class BaselineRules:
    """Loads the newest rules of a workspace in a thread, as a load may take longer than a page may wait."""

    def __init__(self, pipeline_root: Path, load: Callable[[Path], Any]):
        """Starts with nothing loaded.

        Args:
          pipeline_root: the folder of the artifacts.
          load: loads the SavedModel in a folder; raises `DayoneError` if it cannot.
        """
        self._root, self._load = pipeline_root, load
        self._folder: Path | None = None
        self._model: Any = None
        self._lock = threading.Lock()

    def find(self) -> Any:
        """Returns the loaded rules, of an earlier run while newer ones are being loaded; None before the first."""
        folder = newest_outputs.find_newest(self._root, newest_outputs.RULES)
        with self._lock:
            if folder is not None and folder != self._folder:
                self._folder = folder
                threading.Thread(target=self._replace, args=(folder,), name="baseline", daemon=True).start()
        return self._model

    def _replace(self, folder: Path) -> None:
        try:
            loaded = self._load(folder)
        except DayoneError as error:
            _LOGGER.warning("the demo shows no baseline: %s", error)
            return
        old, self._model = self._model, loaded
        if old is not None:
            old.retire()
