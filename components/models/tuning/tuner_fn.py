"""The `tuner_fn` of the optional step "Tuner"."""

from typing import Any

from tfx.components.tuner.component import TunerFnResult

from components.features import training_data
from components.models.tuning.search import ValidationTuner


def tuner_fn(fn_args: Any) -> TunerFnResult:
    """TFX's entry: see `tfx.components.trainer.fn_args_utils.FnArgs` for the argument."""
    data = training_data.read(fn_args)
    return TunerFnResult(ValidationTuner(data, data.launch.model.tuning_trials, fn_args.working_dir), {"verbose": 0})
