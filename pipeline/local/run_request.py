"""The request that the screen's process sends to the process that runs the pipeline."""

import dataclasses
import json

from components.declaration import Launch
from pipeline.settings import Settings

GRAPH = "pipeline.graph.create_pipeline"


@dataclasses.dataclass(frozen=True)
class Request:
    """One local run.

    Attributes:
      launch: the declaration.
      settings: where to read and write.
      first, last: the ends of a partial run (step names); None for the ends of the pipeline.
      graph: the dotted path of a function (launch, settings, champion) -> TFX pipeline.
      events: the file descriptor of the pipe that takes the `step_events`.
    """

    launch: Launch
    settings: Settings
    first: str | None = None
    last: str | None = None
    graph: str = GRAPH
    events: int = -1

    def to_json(self) -> str:
        """Returns the request as one line of JSON."""
        plain = {"first": self.first, "last": self.last, "graph": self.graph, "events": self.events}
        return json.dumps(plain | {"launch": self.launch.to_json(), "settings": self.settings.to_json()})

    @classmethod
    def from_json(cls, line: str) -> "Request":
        """Reads what `to_json` wrote."""
        values = json.loads(line)
        declared = {"launch": Launch.from_json(values["launch"]), "settings": Settings.from_json(values["settings"])}
        return cls(**values | declared)
