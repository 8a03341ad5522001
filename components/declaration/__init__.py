"""The declaration: a launch and its parts, all that a launch file imports."""

from components.declaration.criteria import Drift, Promotion
from components.declaration.custom_step import CustomStep
from components.declaration.data import Boost, Catalogue, Log, Objective, Split
from components.declaration.experiment import Experiment
from components.declaration.filters import Filter
from components.declaration.insight import Insight
from components.declaration.launch import Launch
from components.declaration.learning import CustomModel, Model, Rules
from components.declaration.users import Users

__all__ = [
    "Boost",
    "Catalogue",
    "CustomModel",
    "CustomStep",
    "Drift",
    "Experiment",
    "Filter",
    "Insight",
    "Launch",
    "Log",
    "Model",
    "Objective",
    "Promotion",
    "Rules",
    "Split",
    "Users",
]
