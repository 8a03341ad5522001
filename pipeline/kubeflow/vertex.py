"""The same pipeline in the form of Vertex AI Pipelines: one JSON of a `PipelineJob`.

Vertex takes the spec that open-source Kubeflow Pipelines takes (schema 2.1), without the platform's document. It mounts
Cloud Storage below /gcs/, which is where our entrypoint finds artifacts, so the steps are the same down to their
arguments. What Kubernetes alone knows (volumes, node selectors, secrets, timeouts) Vertex does not have: it is left
out, and logs and served models have to lie below /gcs/.
"""

import json
from typing import Any

import yaml

from components.declaration import Launch
from pipeline.kubeflow import compiler
from pipeline.kubeflow.resources import ResourcesError, Table
from pipeline.settings import Settings

MOUNT = "/gcs/"
_KUBERNETES_GPU = "/"  # nvidia.com/gpu; Vertex calls them NVIDIA_TESLA_T4


def compile_launch(launch: Launch, table: Table, given: Settings | None = None) -> str:
    """Returns the text of the job; the same launch, code, table and settings give the same bytes.

    Raises:
      ResourcesError: for what Vertex cannot have: a path that is not mounted there, a GPU by its Kubernetes name.
      ContractError: if the spec is wrong.
    """
    check(table)
    spec = next(yaml.safe_load_all(compiler.compile_launch(launch, table, given)))
    return json.dumps(job(spec), indent=1, sort_keys=True) + "\n"


def check(table: Table) -> None:
    """Looks for what Vertex cannot have.

    Raises:
      ResourcesError: naming the entry.
    """
    for name in ("data", "workspace"):
        path = getattr(table.cluster, name)
        if not path.startswith(MOUNT):
            raise ResourcesError(
                f"cluster.{name}",
                path,
                f"a folder below {MOUNT}BUCKET, for Vertex",
                "See kubeflow/resources.vertex.yaml.",
            )
    for step, row in table.rows.items():
        if row.gpu and _KUBERNETES_GPU in row.gpu[0]:
            raise ResourcesError(
                f"steps.{step}.gpu", row.gpu[0], "Vertex's name of the accelerator, such as NVIDIA_TESLA_T4"
            )


def job(spec: dict[str, Any]) -> dict[str, Any]:
    """Returns the job around a spec; where artifacts go (`gcsOutputDirectory`) is said when it is submitted."""
    return {"displayName": spec["pipelineInfo"]["name"], "pipelineSpec": spec, "runtimeConfig": {}}
