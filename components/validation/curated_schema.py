"""TFX's ImportSchemaGen that notices an edited schema.

The standard node's cache knows the file's path only: after an edit it would go on with the old schema.
"""

import os

from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.components.schema_gen.import_schema_gen.executor import Executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.io import fileio
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.types.channel import Channel

from components.errors import SettingsError


class CuratedSchemaSpec(standard_component_specs.ImportSchemaGenSpec):
    """The standard contract and a digest of the file."""

    PARAMETERS = standard_component_specs.ImportSchemaGenSpec.PARAMETERS | {
        "digest": component_spec.ExecutionParameter(type=str)
    }


class CuratedSchemaExecutor(Executor):
    """The standard executor; a file that is not there ends in an error that says how to make it."""

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict) -> None:
        """Copies the schema into the artifact."""
        path = exec_properties[standard_component_specs.SCHEMA_FILE_KEY]
        if not fileio.exists(path):
            launch = os.path.basename(os.path.dirname(os.path.dirname(path)))
            fix = f"There is no such file. Make it from the data, then read it through: python -m pipeline schema --launch {launch} --accept"
            raise SettingsError("schema", path, "a curated schema for this launch", fix)
        super().Do(input_dict, output_dict, exec_properties)


class CuratedSchema(ImportSchemaGen):
    """Brings a schema file that people reviewed into the pipeline, anew whenever the file changes."""

    SPEC_CLASS = CuratedSchemaSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(CuratedSchemaExecutor)

    def __init__(self, schema_file: str, digest: str):
        """Names the file and the digest of its content, which is a part of the cache's key."""
        spec = CuratedSchemaSpec(schema_file=schema_file, digest=digest, schema=Channel(type=standard_artifacts.Schema))
        base_component.BaseComponent.__init__(self, spec=spec)
