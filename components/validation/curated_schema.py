"""TFX's ImportSchemaGen, whose cache key includes the content of the schema file.

The standard step's cache key has the file's path only, so that an edited schema would not be read.
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
    """The standard executor; a missing file is an error that names the command which creates it."""

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict) -> None:
        """Copies the schema into the artifact."""
        path = exec_properties[standard_component_specs.SCHEMA_FILE_KEY]
        if not fileio.exists(path):
            launch = os.path.basename(os.path.dirname(os.path.dirname(path)))
            fix = f"The file does not exist. Create it from the data, then review it: python -m pipeline schema --launch {launch} --accept"
            raise SettingsError("schema", path, "a curated schema for this launch", fix)
        super().Do(input_dict, output_dict, exec_properties)


class CuratedSchema(ImportSchemaGen):
    """Imports the curated schema file into the pipeline, again whenever the file changes."""

    SPEC_CLASS = CuratedSchemaSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(CuratedSchemaExecutor)

    def __init__(self, schema_file: str, digest: str):
        """Takes the file's path and the digest of its content, which is part of the cache key."""
        spec = CuratedSchemaSpec(schema_file=schema_file, digest=digest, schema=Channel(type=standard_artifacts.Schema))
        base_component.BaseComponent.__init__(self, spec=spec)
