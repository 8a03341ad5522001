"""The declaration: a launch and its parts, their checks, and the views that steps get."""

from components.declaration.launch import (
    Boost,
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

__all__ = ["Boost", "Catalogue", "Drift", "Gate", "Launch", "Log", "Model", "Objective", "Rules", "Split"]
