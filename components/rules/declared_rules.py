"""Finds the functions of the declared rules, counts them, and checks what they return."""

from collections.abc import Callable, Iterable

import numpy as np

from components.declaration.functions import load_function
from components.declaration.rule_names import short_name
from components.declaration.views import ServingView
from components.errors import DeclarationError
from components.rules import catalogue_rules, counting
from components.rules.rule_forms import NextItems, PerContext, PerItem, Rule, RuleLog

BUILT_IN: dict[str, Callable[[ServingView, RuleLog], Rule]] = {
    "popularity": counting.popularity,
    "recent_popularity": counting.recent_popularity,
    "context_popularity": counting.context_popularity,
    "covisitation": counting.covisitation,
    "priority": catalogue_rules.priority,
    "newest": catalogue_rules.newest,
    "round_robin": catalogue_rules.round_robin,
    "catalogue_order": catalogue_rules.catalogue_order,
}


def count(launch: ServingView, log: RuleLog, names: Iterable[str]) -> dict[str, Rule]:
    """Declared rules in their order, by the names they are called: `components.rules.house.cheapest` is called `cheapest`.

    Raises:
      DeclarationError: if a rule cannot be found, or returns something else than scores for the items.
    """
    return {short_name(name): _count(name, launch, log) for name in dict.fromkeys(names)}


def function_of(name: str) -> Callable[[ServingView, RuleLog], Rule]:
    """Returns the function of a declared rule.

    Raises:
      DeclarationError: if the dotted path names nothing that can be called.
    """
    return BUILT_IN[name] if name in BUILT_IN else load_function("launch.rules.names", name)


def _count(name: str, launch: ServingView, log: RuleLog) -> Rule:
    rule = function_of(name)(launch, log)
    problem = _problem(rule, len(log.items))
    if problem:
        raise DeclarationError(
            "launch.rules.names", name, "a rule that returns PerItem, PerContext or NextItems", f"It returns {problem}."
        )
    return rule


def _problem(rule: object, size: int) -> str:
    """Returns what is wrong with the answer of a rule's function; "" if nothing is."""
    if isinstance(rule, PerItem):
        return _of_scores(rule.scores, (size,))
    if isinstance(rule, PerContext):
        return _of_scores(rule.scores, (len(rule.keys) + 1, size))
    if isinstance(rule, NextItems):
        inside = ((rule.neighbours >= 0) & (rule.neighbours < size)).all()
        return _of_scores(rule.weights, (size, *rule.neighbours.shape[1:])) or (
            "" if inside else "neighbours that are no rows of the item table"
        )
    return f"a {type(rule).__name__}"


def _of_scores(scores: np.ndarray, shape: tuple[int, ...]) -> str:
    if np.shape(scores) != shape:
        return f"scores of shape {np.shape(scores)} where {shape} is needed"
    return (
        "" if np.isfinite(scores).all() and (scores >= 0).all() else "scores that are not finite numbers of at least 0"
    )
