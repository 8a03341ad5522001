"""Errors that a user of Dayone can cause, each of which builds its own message.

The command line prints the message and no traceback. A message says what was needed, what was got and what to do next.
"""


class DayoneError(Exception):
    """The base class of all errors that the command line shows without a traceback."""


class DeclarationError(DayoneError):
    """A field of the declaration does not have an allowed value."""

    def __init__(self, field: str, got: object, needed: str, fix: str = ""):
        """Builds the message from the dotted field name, the value found and the allowed form."""
        self.field = field
        text = f"declaration: {field} needs {needed}, got {got!r}."
        super().__init__(f"{text} {fix}".rstrip())


class SettingsError(DayoneError):
    """A setting (environment variable or option) does not have an allowed value."""

    def __init__(self, name: str, got: object, needed: str, fix: str = ""):
        """Builds the message from the variable's or option's name, the value found and the allowed form."""
        text = f"setting {name} needs {needed}, got {got!r}."
        super().__init__(f"{text} {fix}".rstrip())


class UnknownSettingError(SettingsError):
    """An environment variable looks like a setting and is none."""

    def __init__(self, name: str, fix: str):
        """Builds the message from the variable's name and the fix."""
        DayoneError.__init__(self, f"the environment variable {name} is no setting of this project. {fix}")


class LogError(DayoneError):
    """The interaction log or the catalogue cannot be read as declared."""

    def __init__(self, where: str, problem: str, fix: str = ""):
        """Builds the message from the location (file, column, row), the problem and the fix."""
        super().__init__(f"{where}: {problem} {fix}".rstrip())


class GateError(DayoneError):
    """The data does not fit the curated schema: the run stops before training."""


class PartialRunError(DayoneError):
    """The requested part of the pipeline cannot run alone."""


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's text; the name of its type if it has none."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
