"""Finds the newest results of a step, for commands that read them outside of a run."""

from pathlib import Path

from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2

from components.errors import PartialRunError

_DONE = (metadata_store_pb2.Execution.COMPLETE, metadata_store_pb2.Execution.CACHED)


def newest(database: Path, launch: str, step: str) -> str:
    """Returns the folder of the first output of a step's newest finished execution, a cached one's included.

    Args:
      database: the SQLite file of ML Metadata.
      launch: the pipeline's name.
      step: a name of `pipeline.steps` whose outputs are one artifact.

    Raises:
      PartialRunError: if the step has not been run here.
    """
    if database.is_file():
        config = metadata_store_pb2.ConnectionConfig()
        config.sqlite.filename_uri = str(database)
        config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
        store = metadata_store.MetadataStore(config)
        node = store.get_context_by_type_and_name("node", f"{launch}.{step}")
        done = (
            [execution for execution in store.get_executions_by_context(node.id) if execution.last_known_state in _DONE]
            if node
            else []
        )
        for execution in sorted(done, key=lambda execution: execution.id, reverse=True):
            events = store.get_events_by_execution_ids([execution.id])
            outputs = [event.artifact_id for event in events if event.type == metadata_store_pb2.Event.OUTPUT]
            for artifact in store.get_artifacts_by_id(outputs):
                if Path(artifact.uri).is_dir():
                    return str(artifact.uri)
    raise PartialRunError(
        f"this needs the results of {step}, and no run in this workspace has them. Run the pipeline first: python -m pipeline run."
    )
