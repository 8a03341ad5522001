"""TFX's DistributionValidator with the curated schema's drift comparators as its configuration.

On Kubeflow a component's proto parameters arrive as JSON text; the standard executor takes the message alone and fails
there. It also fails where a pair of splits is asked for that the baseline does not have, and before the first push
there is no served version.
"""

from google.protobuf import json_format
from tfx.components.distribution_validator.component import DistributionValidator
from tfx.components.distribution_validator.executor import Executor
from tfx.dsl.components.base import executor_spec
from tfx.dsl.io import fileio
from tfx.proto import distribution_validator_pb2
from tfx.proto.orchestration import execution_result_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, json_utils

from components.validation.schema_file import SchemaFile

_CONFIG = standard_component_specs.DISTRIBUTION_VALIDATOR_CONFIG_KEY
_PAIRS = standard_component_specs.INCLUDE_SPLIT_PAIRS_KEY


class DriftExecutor(Executor):
    """The standard executor, for a configuration that is a message or its JSON, and for the pairs of splits that are there."""

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict) -> execution_result_pb2.ExecutorOutput:
        """Compares the statistics and writes what went too far."""
        config = exec_properties[_CONFIG]
        if isinstance(config, str):
            config = json_format.Parse(config, distribution_validator_pb2.DistributionValidatorConfig())
        baseline = artifact_utils.get_single_instance(input_dict[standard_component_specs.BASELINE_STATISTICS_KEY])
        there = artifact_utils.decode_split_names(baseline.split_names)
        pairs = [pair for pair in json_utils.loads(exec_properties[_PAIRS]) if pair[1] in there]
        return super().Do(input_dict, output_dict, exec_properties | {_CONFIG: config, _PAIRS: json_utils.dumps(pairs)})


class DriftValidator(DistributionValidator):
    """The standard component with that executor."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(DriftExecutor)


def drift_config(schema_file: str) -> distribution_validator_pb2.DistributionValidatorConfig:
    """One comparison per column with a `drift_comparator`; none without the file, whose absence the schema's own node tells.

    Raises:
      SettingsError: if the file is no schema.
    """
    config = distribution_validator_pb2.DistributionValidatorConfig()
    if not fileio.exists(schema_file):
        return config
    for feature in SchemaFile(io_utils.read_string_file(schema_file), schema_file).schema.feature:
        if feature.HasField("drift_comparator"):
            compared = config.default_slice_config.feature.add()
            compared.path.step.append(feature.name)
            compared.distribution_comparator.CopyFrom(feature.drift_comparator)
    return config
