"""TFX's DistributionValidator with the curated schema's drift comparators as its configuration.

On Kubeflow the proto parameters of a component arrive as JSON text, which the standard executor does not take. It also
fails for a pair of splits that the baseline lacks, as before the first push, when no version is served.
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
    """The standard executor, for a configuration as a message or as JSON, and for the existing pairs of splits."""

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict) -> execution_result_pb2.ExecutorOutput:
        """Compares the statistics and writes the anomalies."""
        config = exec_properties[_CONFIG]
        if isinstance(config, str):
            config = json_format.Parse(config, distribution_validator_pb2.DistributionValidatorConfig())
        baseline = artifact_utils.get_single_instance(input_dict[standard_component_specs.BASELINE_STATISTICS_KEY])
        splits = artifact_utils.decode_split_names(baseline.split_names)
        pairs = [pair for pair in json_utils.loads(exec_properties[_PAIRS]) if pair[1] in splits]
        return super().Do(input_dict, output_dict, exec_properties | {_CONFIG: config, _PAIRS: json_utils.dumps(pairs)})


class DriftValidator(DistributionValidator):
    """The standard component with `DriftExecutor`."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(DriftExecutor)


def drift_config(schema_file: str) -> distribution_validator_pb2.DistributionValidatorConfig:
    """Returns one comparison per column that has a `drift_comparator`.

    Returns none if the file is missing; the step that imports the schema reports that.

    Raises:
      SettingsError: if the file is no schema.
    """
    config = distribution_validator_pb2.DistributionValidatorConfig()
    if not fileio.exists(schema_file):
        return config
    for feature in SchemaFile(io_utils.read_string_file(schema_file), schema_file).schema.feature:
        if feature.HasField("drift_comparator"):
            comparison = config.default_slice_config.feature.add()
            comparison.path.step.append(feature.name)
            comparison.distribution_comparator.CopyFrom(feature.drift_comparator)
    return config
