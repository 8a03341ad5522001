"""TFX's Transform, without Beam where no Beam runner is declared.

Transform needs no Beam for a `preprocessing_fn` without analyzers. So the executor first computes what the analyzers
would (`context_statistics`). On Beam, the vocabularies of two columns of 90,000 rows took four times as long. Another
`preprocessing_fn`, or analyzers that were added to ours, run as in the standard executor.
"""

import functools
import os
import tempfile
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform import analyzer_nodes, impl_helper
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils
from tfx.components.transform import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, json_utils

from components.declaration.views import TransformView
from components.features import context_statistics
from components.features.preprocessing import LAUNCH_KEY, LEARNT_KEY, preprocessing_fn

OURS = "components.features.preprocessing.preprocessing_fn"


class TransformExecutor(executor.Executor):
    """The standard executor with Beam options; without, it traces the `preprocessing_fn` with the computed statistics."""

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict[str, Any]) -> None:
        """Writes the transform graph."""
        if self._beam_pipeline_args or exec_properties[standard_component_specs.PREPROCESSING_FN_KEY] != OURS:
            super().Do(input_dict, output_dict, exec_properties)
            return
        config = json_utils.loads(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
        schema_folder = artifact_utils.get_single_uri(input_dict[standard_component_specs.SCHEMA_KEY])
        schema = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema_folder))
        train = artifact_utils.get_split_uris(input_dict[standard_component_specs.EXAMPLES_KEY], "train")
        graph = artifact_utils.get_single_uri(output_dict[standard_component_specs.TRANSFORM_GRAPH_KEY])
        if write_graph(config, dataset_metadata.DatasetMetadata(schema), train, graph):
            self._log_startup(input_dict, output_dict, exec_properties)
        else:
            super().Do(input_dict, output_dict, exec_properties)


class Transform(component.Transform):
    """The standard component with `TransformExecutor`."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(TransformExecutor)


def write_graph(
    config: dict[str, Any], metadata: dataset_metadata.DatasetMetadata, folders: Sequence[str], graph: str
) -> bool:
    """Writes what Transform writes: the schema of the columns, and the graph that encodes them.

    Args:
      config: of `preprocessing_fn`.
      metadata: the schema of the examples.
      folders: the examples of the train split.
      graph: the folder that is written.

    Returns:
      Whether it did: not if `preprocessing_fn` has further analyzers, which need Beam.
    """
    spec = schema_utils.schema_as_feature_spec(metadata.schema).feature_spec
    files = sorted(file for folder in folders for file in tf.io.gfile.glob(os.path.join(folder, "*")))
    launch = TransformView.from_json(config[LAUNCH_KEY])
    with tempfile.TemporaryDirectory() as vocabularies:
        learnt = context_statistics.learn(launch, files, spec, vocabularies)
        encode = functools.partial(preprocessing_fn, custom_config=config | {LEARNT_KEY: learnt})
        types = impl_helper.get_type_specs_from_feature_specs(spec)
        traced, _, _ = impl_helper.trace_preprocessing_function(encode, types, False, vocabularies)
        if traced.get_collection(analyzer_nodes.TENSOR_REPLACEMENTS):
            return False
        metadata_io.write_metadata(metadata, os.path.join(graph, tft.TFTransformOutput.RAW_METADATA_DIR))
        impl_helper.analyze_in_place(encode, False, spec, types, graph)
    return True
