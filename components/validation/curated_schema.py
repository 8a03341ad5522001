"""TFX's ImportSchemaGen that notices an edited schema.

The standard node's cache knows the file's path only: after an edit it would go on with the old schema.
"""

from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base import base_component
from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.types.channel import Channel


class CuratedSchemaSpec(standard_component_specs.ImportSchemaGenSpec):
    """The standard contract and a digest of the file."""

    PARAMETERS = standard_component_specs.ImportSchemaGenSpec.PARAMETERS | {"digest": component_spec.ExecutionParameter(type=str)}


class CuratedSchema(ImportSchemaGen):
    """Brings a schema file that people reviewed into the pipeline, anew whenever the file changes."""

    SPEC_CLASS = CuratedSchemaSpec

    def __init__(self, schema_file: str, digest: str):
        """Names the file and the digest of its content, which is a part of the cache's key."""
        spec = CuratedSchemaSpec(schema_file=schema_file, digest=digest, schema=Channel(type=standard_artifacts.Schema))
        base_component.BaseComponent.__init__(self, spec=spec)
