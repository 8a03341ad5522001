"""The context of a command: the settings, from its options and the environment, and the launch that they name."""

import argparse
import dataclasses
import os

from components.declaration import Launch
from pipeline import launches
from pipeline.settings import Settings


@dataclasses.dataclass(frozen=True)
class Context:
    """Settings and launch of one command.

    Attributes:
      settings: where things are and how the engine works.
      launch: the declaration as its file has it.
    """

    settings: Settings
    launch: Launch

    @property
    def effective_launch(self) -> Launch:
        """The declaration as it runs with these settings: a log that was given replaces the declared one."""
        return self.settings.apply_to(self.launch)


def load(options: argparse.Namespace, *names: str) -> Context:
    """Returns settings and launch.

    Args:
      options: of the command line.
      names: the options that are settings, such as "launch" and "workspace"; the others come from the environment.

    Raises:
      SettingsError: if an option or variable is wrong, or there is no such launch.
      LaunchError: if the launch's file cannot be used.
    """
    settings = Settings.from_environment(os.environ, {name: getattr(options, name) for name in names})
    return Context(settings, launches.load(settings.launch))
