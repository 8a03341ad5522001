"""TFX's Trainer with one more input, the catalogue.

The standard Trainer takes one set of examples only. Its executor is kept; this adds the catalogue's address to what
`run_fn` gets.
The TFX and TFRS tutorial goes without and builds its index from a split of the catalogue, so that most items are never
recommended.
"""

from typing import Any, NamedTuple

from tfx import types
from tfx.components.trainer import executor as trainer_executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils, path_utils

from components.declaration.views import ServingView, TrainerView
from components.features import training_data
from components.features.preprocessing import CATALOGUE_INPUT, CATALOGUE_URI, CODE_KEY, LAUNCH_KEY
from components.features.split_names import TRAIN
from components.models.retrieval.warm_start import CHAMPION_KEY
from components.progress import FIGURE, set_figure
from components.registry import export

TOO_EARLY, LEAST_ACTIONS_KEY = "components.models.too_early.run_fn", "least_actions"


class CatalogueTrainerSpec(standard_component_specs.TrainerSpec):
    """The standard Trainer's contract and the catalogue."""

    INPUTS = standard_component_specs.TrainerSpec.INPUTS | {
        CATALOGUE_INPUT: component_spec.ChannelParameter(type=standard_artifacts.Examples, optional=True)
    }


class CatalogueTrainerExecutor(trainer_executor.GenericExecutor):
    """The standard Trainer's executor; `run_fn` finds the catalogue's address in its custom_config."""

    def _GetFnArgs(self, input_dict: dict, output_dict: dict, exec_properties: dict) -> Any:
        arguments = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        catalogue = input_dict.get(CATALOGUE_INPUT)
        arguments.custom_config[CATALOGUE_URI] = artifact_utils.get_single_uri(catalogue) if catalogue else ""
        return arguments

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict) -> None:
        """Trains, or leaves that for later, and shows the figure that the exported card holds."""
        if self._is_too_early(input_dict, output_dict, exec_properties):
            exec_properties = exec_properties | {standard_component_specs.RUN_FN_KEY: TOO_EARLY}
        super().Do(input_dict, output_dict, exec_properties)
        model = artifact_utils.get_single_instance(output_dict[standard_component_specs.MODEL_KEY])
        set_figure(model, export.card(path_utils.serving_model_dir(model.uri)).get(FIGURE, ""))

    def _is_too_early(self, input_dict: dict, output_dict: dict, exec_properties: dict) -> bool:
        """Returns whether the log has fewer actions than a model needs; see `components.models.too_early`."""
        arguments = self._GetFnArgs(input_dict, output_dict, exec_properties)
        least = arguments.custom_config.get(LEAST_ACTIONS_KEY, 0)
        if not least:
            return False
        launch = TrainerView.from_json(arguments.custom_config[LAUNCH_KEY])
        return training_data.count_positives(launch, arguments.train_files) < least


class Learning(NamedTuple):
    """What a step that trains is told and reads.

    Attributes:
      run_fn: its dotted path.
      code: the digest of its code.
      view: what it reads of the declaration.
      examples, transform_graph: of the log.
      catalogue: examples of the catalogue; None without one.
      champion: the served version that training may start from; "" for none.
      hyperparameters: of a Tuner; they replace the declared settings. None for none.
      least_actions: with fewer, `components.models.too_early` runs instead.
    """

    run_fn: str
    code: str
    view: ServingView
    examples: types.BaseChannel
    transform_graph: types.BaseChannel
    catalogue: types.BaseChannel | None
    champion: str = ""
    hyperparameters: types.BaseChannel | None = None
    least_actions: int = 0


class CatalogueTrainer(base_component.BaseComponent):
    """Trains and exports by a `run_fn`, from events and catalogue."""

    SPEC_CLASS = CatalogueTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(CatalogueTrainerExecutor)

    def __init__(self, learning: Learning, splits: tuple[str, ...] = (TRAIN,), **more: types.BaseChannel):
        """Takes what it learns from.

        Args:
          learning: the step's parameters and inputs.
          splits: of the examples.
          **more: further inputs of the standard Trainer, by its own names.
        """
        optional = {
            CATALOGUE_INPUT: learning.catalogue,
            standard_component_specs.HYPERPARAMETERS_KEY: learning.hyperparameters,
        }
        spec = CatalogueTrainerSpec(
            examples=learning.examples,
            transform_graph=learning.transform_graph,
            run_fn=learning.run_fn,
            train_args=trainer_pb2.TrainArgs(splits=list(splits)),
            eval_args=trainer_pb2.EvalArgs(),
            custom_config=json_utils.dumps(
                {LAUNCH_KEY: learning.view.to_json(), CODE_KEY: learning.code}
                | ({CHAMPION_KEY: learning.champion} if learning.champion else {})
                | ({LEAST_ACTIONS_KEY: learning.least_actions} if learning.least_actions else {})
            ),
            model=types.Channel(type=standard_artifacts.Model),
            model_run=types.Channel(type=standard_artifacts.ModelRun),
            **{name: channel for name, channel in optional.items() if channel is not None},
            **more,
        )
        super().__init__(spec=spec)
