"""The source of a setting's value, and its name in errors."""

import dataclasses
import typing
from collections.abc import Mapping

from components.errors import SettingsError


@dataclasses.dataclass(frozen=True)
class SettingSource:
    """Values as a person gives them: an option of the command line wins over an environment variable.

    Attributes:
      environ: the environment.
      options: of the command line, by the setting's name; None and missing ones fall back to the environment.
      prefix: of the variables' names.
    """

    environ: Mapping[str, str]
    options: Mapping[str, typing.Any]
    prefix: str = "DAYONE_"

    def origin(self, name: str) -> str:
        """Returns the name under which the value was set, for the error's text."""
        return f"--{name.replace('_', '-')}" if self.options.get(name) is not None else self.prefix + name.upper()

    def text(self, name: str) -> str | None:
        """Returns the value; an empty environment variable counts as not set, an empty option is a mistake."""
        value = self.options.get(name)
        if value is None:
            return self.environ.get(self.prefix + name.upper()) or None
        if not str(value):
            raise SettingsError(f"--{name}", value, "a value that is not empty")
        return str(value)

    def whole_number(self, name: str, default: int) -> int:
        """Returns the value as an integer from 1 on."""
        text = self.text(name) or str(default)
        if not text.isdecimal() or int(text) < 1:
            raise SettingsError(self.origin(name), text, "an integer from 1 on")
        return int(text)
