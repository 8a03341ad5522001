"""TFX's Tuner with one more input, the catalogue, as `trainer` has it."""

from typing import Any

from tfx import types
from tfx.components.tuner import executor as tuner_executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components.declaration.views import ServingView
from components.features.preprocessing import CATALOGUE_INPUT, CATALOGUE_URI, CODE_KEY, LAUNCH_KEY
from components.progress import set_figure


class CatalogueTunerSpec(standard_component_specs.TunerSpec):
    """The standard Tuner's contract and the catalogue."""

    INPUTS = standard_component_specs.TunerSpec.INPUTS | {
        CATALOGUE_INPUT: component_spec.ChannelParameter(type=standard_artifacts.Examples, optional=True)
    }


class CatalogueTunerExecutor(tuner_executor.Executor):
    """The standard Tuner's executor; `tuner_fn` finds the catalogue's address in its custom_config."""

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict) -> None:
        """Searches, and shows what was found."""
        key, catalogue = standard_component_specs.CUSTOM_CONFIG_KEY, input_dict.get(CATALOGUE_INPUT)
        config = json_utils.loads(exec_properties[key]) | {
            CATALOGUE_URI: artifact_utils.get_single_uri(catalogue) if catalogue else ""
        }
        tuner = tuner_executor.search(
            input_dict,
            exec_properties | {key: json_utils.dumps(config)},
            self._get_tmp_dir(),
            print_tuning_summary=False,
        )
        tuner_executor.write_best_hyperparameters(tuner, output_dict)
        best = artifact_utils.get_single_instance(output_dict[standard_component_specs.BEST_HYPERPARAMETERS_KEY])
        set_figure(best, _figure(tuner))


def _figure(tuner: Any) -> str:
    values = tuner.get_best_hyperparameters()[0].values
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())


class CatalogueTuner(base_component.BaseComponent):
    """Searches the model's settings by a `tuner_fn`, on events and catalogue."""

    SPEC_CLASS = CatalogueTunerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(CatalogueTunerExecutor)

    def __init__(
        self,
        tuner_fn: str,
        code: str,
        view: ServingView,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        catalogue: types.BaseChannel | None,
    ):
        """Names the dotted path of the `tuner_fn`, the digest of its code, and what it reads."""
        inputs = {CATALOGUE_INPUT: catalogue} if catalogue is not None else {}
        spec = CatalogueTunerSpec(
            examples=examples,
            transform_graph=transform_graph,
            tuner_fn=tuner_fn,
            train_args=trainer_pb2.TrainArgs(),
            eval_args=trainer_pb2.EvalArgs(),
            custom_config=json_utils.dumps({LAUNCH_KEY: view.to_json(), CODE_KEY: code}),
            best_hyperparameters=types.Channel(type=standard_artifacts.HyperParameters),
            tuner_results=types.Channel(type=standard_artifacts.TunerResults),
            **inputs,
        )
        super().__init__(spec=spec)
