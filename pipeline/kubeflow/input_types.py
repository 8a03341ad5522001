"""The types of a step's inputs as one short text: "model:tfx.Model,statistics:tfx.ExampleStatistics;output_data_format".

Before the semicolon stand the input artifacts with the titles of their types, after it the parameters that are integers. The
entrypoint and TFX read nothing else of the JSON that TFX's runner writes, which is five times as long and stands six times in
a workflow's status (see `pipeline.kubeflow.packing`).
"""

import json
from typing import Any

import yaml


def encode(text: str) -> str:
    """Returns the short text for the JSON of a ComponentInputsSpec."""
    declared = json.loads(text)
    artifacts = (
        f"{name}:{_title(artifact['artifactType'])}" for name, artifact in declared.get("artifacts", {}).items()
    )
    parameters = declared.get("parameters", {}).items()
    integers = (name for name, parameter in parameters if parameter.get("parameterType") == "NUMBER_INTEGER")
    return f"{','.join(sorted(artifacts))};{','.join(sorted(integers))}"


def decode(text: str) -> str:
    """Returns the JSON of a ComponentInputsSpec for the short text; JSON as it is.

    Raises:
      ValueError: if the text is neither.
    """
    if not text or text.startswith("{"):
        return text or "{}"
    artifacts, semicolon, integers = text.partition(";")
    if not semicolon:
        raise ValueError(f"types of inputs need the form NAME:TITLE,...;NAME,..., got {text!r}")
    titles = dict(entry.split(":", 1) for entry in artifacts.split(",") if entry)
    declared: dict[str, Any] = {
        "artifacts": {name: {"artifactType": {"instanceSchema": f"title: {title}"}} for name, title in titles.items()},
        "parameters": {name: {"parameterType": "NUMBER_INTEGER"} for name in integers.split(",") if name},
    }
    return json.dumps(declared)


def _title(kind: dict[str, str]) -> str:
    if "instanceSchema" in kind:
        return str(yaml.safe_load(kind["instanceSchema"])["title"])
    return kind["schemaTitle"]
