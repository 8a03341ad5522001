"""The search for settings: what is tried first, what a trial is worth, and the component around it."""

import dataclasses
import json
from types import SimpleNamespace

import pytest
from tfx.types import Channel, standard_artifacts
from tfx.utils import json_utils
from toy_shop import KERAS_SEEDS, LAUNCH, PLAIN, data, events

from components.declaration.views import TrainerView
from components.features.preprocessing import CODE_KEY, LAUNCH_KEY
from components.models import training
from components.models.tuning import search, tuner_fn
from components.models.tuning.tuner import CatalogueTuner, CatalogueTunerExecutor

# KerasTuner names its threads in a way that Python 3.10 has deprecated.
KERAS_TUNER = pytest.mark.filterwarnings("ignore:(currentThread|getName).*is deprecated:DeprecationWarning")
pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS, KERAS_TUNER]


def test_the_declared_settings_are_within_the_space_and_its_defaults():
    parameters = search.space(PLAIN.model)
    assert parameters.values == {"dim": 8, "learning_rate": 0.01, "temperature": 0.1}


@pytest.fixture(scope="module")
def tuner(tmp_path_factory):
    """A search of two trials on the circle, which may be walked again."""
    again = dataclasses.replace(PLAIN, exclude_seen=False)
    train_data = data(again, dataclasses.replace(events(again, users=60), labels={}, context={}))
    validation_tuner = search.ValidationTuner(train_data, 2, str(tmp_path_factory.mktemp("search")))
    validation_tuner.search(verbose=0)
    return validation_tuner


def test_the_first_trial_is_what_is_declared(tuner):
    first = tuner.oracle.trials["0"].hyperparameters.values
    assert first == pytest.approx({"dim": 8, "learning_rate": 0.01, "temperature": 0.1})
    assert len(tuner.oracle.trials) == 2


def test_the_best_settings_are_those_of_the_best_validation_gain(tuner):
    gains = {name: trial.score for name, trial in tuner.oracle.trials.items()}
    best = max(gains, key=gains.get)
    assert tuner.get_best_hyperparameters()[0].values == tuner.oracle.trials[best].hyperparameters.values
    assert 0.56 < gains["0"] <= gains[best] <= 1


def test_what_was_found_replaces_what_is_declared():
    tuned = {"values": {"dim": 6, "temperature": 0.3}}
    model = training._apply_tuning(data(), json.loads(json.dumps(tuned))).launch.model
    assert model == dataclasses.replace(LAUNCH.model, dim=6, temperature=0.3)
    assert training._apply_tuning(data(), None).launch is LAUNCH


@pytest.mark.parametrize("with_catalogue", [True, False])
def test_the_component_names_what_it_reads(with_catalogue):
    examples = Channel(type=standard_artifacts.Examples)
    graph = Channel(type=standard_artifacts.TransformGraph)
    node = CatalogueTuner(
        "components.models.tuning.tuner_fn.tuner_fn",
        "digest",
        TrainerView.of(LAUNCH),
        examples,
        graph,
        examples if with_catalogue else None,
    )
    assert set(node.spec.inputs) == {"examples", "transform_graph"} | ({"catalogue"} if with_catalogue else set())
    assert set(node.outputs) == {"best_hyperparameters", "tuner_results"}
    assert node.executor_spec.executor_class is CatalogueTunerExecutor
    assert json_utils.loads(node.spec.exec_properties["custom_config"]) == {
        LAUNCH_KEY: TrainerView.of(LAUNCH).to_json(),
        CODE_KEY: "digest",
    }


def test_the_tuner_function_asks_for_the_declared_trials(monkeypatch, tmp_path):
    launch = LAUNCH.with_model({"tuning_trials": 4})
    monkeypatch.setattr(tuner_fn.training_data, "read", lambda _: data(launch))
    result = tuner_fn.tuner_fn(SimpleNamespace(working_dir=str(tmp_path)))
    assert result.tuner.oracle.max_trials == 4
    assert result.fit_kwargs == {"verbose": 0}
