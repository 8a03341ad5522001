"""TFX's StatisticsGen, which computes the statistics in the step's own process where no Beam runner is declared.

Beam's graph for one split (pickling, shuffling each text value) takes 2 to 40 times as long as the statistics
themselves. With Beam options, which name a runner or its workers, the standard executor runs.
"""

import os
from typing import Any

from tensorflow_data_validation.statistics import stats_options
from tfx.components.statistics_gen import component, executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts, standard_component_specs
from tfx.types.channel import BaseChannel, Channel
from tfx.utils import io_utils, json_utils

from components.validation import example_statistics


class StatisticsGenSpec(standard_component_specs.StatisticsGenSpec):
    """The standard contract and the digest of the code."""

    PARAMETERS = standard_component_specs.StatisticsGenSpec.PARAMETERS | {
        "code": component_spec.ExecutionParameter(type=str)
    }


class StatisticsExecutor(executor.Executor):
    """The standard executor with Beam options; without, one pass over each split in this process."""

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict[str, Any]) -> None:
        """Writes the statistics of each split."""
        if self._beam_pipeline_args:
            super().Do(input_dict, output_dict, exec_properties)
            return
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict[standard_component_specs.EXAMPLES_KEY])
        statistics = artifact_utils.get_single_instance(output_dict[standard_component_specs.STATISTICS_KEY])
        splits = artifact_utils.decode_split_names(examples.split_names)
        statistics.split_names, statistics.span = examples.split_names, examples.span
        statistics.set_string_custom_property(executor.STATS_DASHBOARD_LINK, "")
        statistics.set_json_value_custom_property(
            executor.SAMPLE_RATE_BY_SPLIT_PROPERTY_NAME, json_utils.dumps(dict.fromkeys(splits, 1.0))
        )
        for split in splits:
            result = example_statistics.compute(
                artifact_utils.get_split_uri([examples], split), stats_options.StatsOptions()
            )
            path = os.path.join(artifact_utils.get_split_uri([statistics], split), executor.DEFAULT_FILE_NAME)
            io_utils.write_bytes_file(path, result.SerializeToString())


class StatisticsGen(component.StatisticsGen):
    """The standard component with `StatisticsExecutor`."""

    SPEC_CLASS = StatisticsGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(StatisticsExecutor)

    def __init__(self, examples: BaseChannel, code: str):
        """Takes the examples, and the digest of the code, which is part of the cache key."""
        spec = StatisticsGenSpec(
            examples=examples,
            exclude_splits=json_utils.dumps([]),
            statistics=Channel(type=standard_artifacts.ExampleStatistics),
            code=code,
        )
        base_component.BaseComponent.__init__(self, spec=spec)
