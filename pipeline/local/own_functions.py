"""Functions of a team's own that an option of the server names by dotted path, as the declaration does."""

from collections.abc import Callable
from typing import Any

from components.declaration.functions import is_own, load_function
from components.errors import DeclarationError, SettingsError

EXAMPLE = "a dotted path such as pipeline.launches.my_feature.stores.redis"


def load(option: str, path: str, needed: str) -> Callable[..., Any]:
    """Imports the function that an option names.

    Args:
      option: such as "--history".
      path: its value.
      needed: what messages say the option takes.

    Raises:
      SettingsError: if the value is no such path, or its module or function does not exist.
    """
    if ":" in path:
        raise SettingsError(option, path, needed, f"Write {path.replace(':', '.')!r}.")
    if not is_own(path):
        raise SettingsError(option, path, needed)
    try:
        return load_function(option, path)
    except (ImportError, DeclarationError) as error:
        cause = str(error.__cause__ or error)
        raise SettingsError(option, path, needed, f"{type(error).__name__}: {cause}.") from error
