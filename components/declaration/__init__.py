"""The declaration: a launch and its parts, their checks, and the views that steps get."""

from components.declaration.data import Boost
from components.declaration.experiment import Experiment
from components.declaration.launch import (
    Catalogue,
    Drift,
    Gate,
    Launch,
    Log,
    Model,
    Objective,
    Rules,
    Split,
)

__all__ = ["Boost", "Catalogue", "Drift", "Experiment", "Gate", "Launch", "Log", "Model", "Objective", "Rules", "Split"]
