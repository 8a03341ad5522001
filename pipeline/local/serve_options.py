"""How the local server works: the options of `python -m pipeline serve`, checked."""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

from components.errors import SettingsError
from components.serving.guarded_history import DEADLINE
from pipeline.local import history_choice, users_choice

_ORIGIN = re.compile(r"https?://[^\s/?#@*]+")


@dataclasses.dataclass(frozen=True)
class Options:
    """How the server works.

    Attributes:
      host, port: where it listens; port 0 takes a free one.
      threads: model calls at once; each runs on one core.
      waiting: requests that may wait for a thread; more are told to try again.
      timeout: seconds for a request, its waiting included.
      explore: the share of requests that explore, in [0, 1].
      explore_slot: the share in which one slot shows an item from below the top k, in [0, 1]; one of both shares is 0.
      traffic: the folder of the log it writes; None writes none.
      day_folder: the folder of a day's files in it, as for `strftime`; "" for none.
      history: the store of histories, see `history_choice`.
      users: the store of the users' columns, see `users_choice`.
      store_deadline: milliseconds that an answer of these two stores may take.
      demo: whether there is a page to try it out, which shows users and their histories.
      origins: of pages of other sites that may ask, such as https://shop.example.
      connections: at once; then the one that waits longest is closed.
      remember: megabytes for answers, so that an action's row says where its item was shown.
      explore_policy: the dotted path of a team's policy that explores instead; "" for none.
      token: needed for writes; "" for none.
    """

    host: str
    port: int
    threads: int
    waiting: int
    timeout: float
    explore: float
    traffic: Path | None
    day_folder: str = ""
    history: str = history_choice.MEMORY
    demo: bool = True
    origins: tuple[str, ...] = ()
    connections: int = 1_000
    remember: int = 64
    token: str = dataclasses.field(default="", repr=False)
    explore_slot: float = 0.0
    explore_policy: str = ""
    users: str = users_choice.TABLE
    store_deadline: float = 1000 * DEADLINE

    def __post_init__(self) -> None:
        """Checks the numbers."""
        for name, value, low, high in (
            ("port", self.port, 0, 65_535),
            ("threads", self.threads, 1, 1_024),
            ("waiting", self.waiting, 0, 1_000_000),
            ("timeout", self.timeout, 0.001, 3_600),
            ("explore", self.explore, 0, 1),
            ("connections", self.connections, 1, 100_000),
            ("remember", self.remember, 1, 100_000),
            ("explore-slot", self.explore_slot, 0, 1),
            ("store-deadline", self.store_deadline, 1, 60_000),
        ):
            if not low <= value <= high:
                raise SettingsError(f"--{name}", value, f"a number from {low} to {high}")
        if self.explore and self.explore_slot:
            raise SettingsError(
                "--explore-slot", self.explore_slot, "0 together with --explore", "One way to explore at a time."
            )
        if self.explore_policy and (self.explore or self.explore_slot):
            needed = "no --explore or --explore-slot together with it"
            raise SettingsError("--explore-policy", self.explore_policy, needed, "One way to explore at a time.")
        for origin in self.origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise SettingsError(
                    "--allow-origin",
                    origin,
                    "an origin such as https://shop.example or http://localhost:3000",
                    "No path, no slash.",
                )


def serve_token(environ: Mapping[str, str]) -> str:
    """Returns the token for requests that write to the local server; "" for none. `Settings` would be written to files."""
    token = environ.get("DAYONE_SERVE_TOKEN", "").strip()
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise SettingsError("DAYONE_SERVE_TOKEN", "...", "printable ASCII without blanks")
    return token
