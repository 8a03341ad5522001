"""Checks what a declaration says of who serves: rules, model, drift, boosts."""

import dataclasses

from components.declaration import checks
from components.declaration.criteria import Drift
from components.declaration.data import Catalogue, Log
from components.declaration.functions import FORM, OWN_FUNCTION, check_path
from components.declaration.learning import CustomModel, Model, Rules
from components.declaration.rule_names import BUILT_IN_RULES, CATALOGUE_RULES, FOR_EVERYBODY, short_name
from components.errors import DeclarationError


def check_rules(rules: Rules, log: Log, catalogue: Catalogue | None) -> None:
    """Raises `DeclarationError` for the first field of the rules that is wrong."""
    checks.check_positive("launch.rules.recent_days", rules.recent_days)
    checks.check_positive("launch.rules.covisitation_window", rules.covisitation_window)
    checks.check_share("launch.rules.covisitation_decay", rules.covisitation_decay)
    _check_names("launch.rules.names", rules.names)
    _check_fallbacks(rules)
    _check_context(rules, log)
    _check_catalogue_rules(rules, log, catalogue)


def check_model(model: Model | CustomModel) -> None:
    """Raises `DeclarationError` for the first hyperparameter that is wrong."""
    if isinstance(model, CustomModel):
        check_path("launch.model.run_fn", model.run_fn)
    else:
        for name, path in (("query_tower", model.query_tower), ("item_tower", model.item_tower)):
            if path is not None:
                check_path(f"launch.model.{name}", path, last=r"[A-Za-z][A-Za-z0-9_]*")
    for name, value in dataclasses.asdict(model).items():
        if isinstance(value, int | float) and not isinstance(value, bool) and name != "tuning_trials":
            checks.check_positive(f"launch.model.{name}", value)
    checks.check_at_least("launch.model.tuning_trials", model.tuning_trials, 0)


def check_features(model: Model | CustomModel, log: Log, catalogue: Catalogue | None) -> None:
    """Raises `DeclarationError` for the first column of the ranking head that is not declared."""
    if isinstance(model, CustomModel):
        return
    columns = (*log.context, *(catalogue.categories + catalogue.numbers if catalogue else ()))
    for name in model.ranking_features:
        if columns.count(name) != 1 or model.ranking_features.count(name) > 1:
            needed = f"columns out of launch.log.context, launch.catalogue.categories and numbers {columns}, each once"
            raise DeclarationError("launch.model.ranking_features", name, needed)


def check_drift(drift: Drift) -> None:
    """Raises `DeclarationError` for the first share that is wrong."""
    for name in ("new_users", "new_items", "unlisted_items"):
        checks.check_share(f"launch.drift.{name}", getattr(drift, name))


def check_boosts(catalogue: Catalogue) -> None:
    """Raises `DeclarationError` for the first boost that is wrong."""
    pairs = [(boost.column, boost.value) for boost in catalogue.boosts]
    for index, boost in enumerate(catalogue.boosts):
        field = f"launch.catalogue.boosts[{index}]"
        if not boost.column or boost.column == catalogue.item:
            raise DeclarationError(f"{field}.column", boost.column, "a column of the catalogue that is not the id")
        if boost.factor < 0:
            raise DeclarationError(f"{field}.factor", boost.factor, "a number of at least 0 (0 hides the item)")
        if pairs.count((boost.column, boost.value)) > 1:
            raise DeclarationError(field, (boost.column, boost.value), "each column and value once")


def _check_names(field: str, names: tuple[str, ...]) -> None:
    if not names:
        raise DeclarationError(field, (), "at least one rule")
    short = [short_name(name) for name in names]
    for name in names:
        is_custom = OWN_FUNCTION.fullmatch(name) and short_name(name) not in BUILT_IN_RULES
        if not (name in BUILT_IN_RULES or is_custom) or short.count(short_name(name)) > 1:
            fix = f"A rule of your own is {FORM}."
            raise DeclarationError(field, name, f"rules out of {', '.join(BUILT_IN_RULES)}, each once", fix)


def _check_fallbacks(rules: Rules) -> None:
    for name in rules.fallbacks:
        if name not in rules.names or rules.fallbacks.count(name) > 1:
            raise DeclarationError(
                "launch.rules.fallbacks", name, f"rules out of launch.rules.names ({', '.join(rules.names)}), each once"
            )
    if rules.fallbacks and rules.fallbacks[-1] not in FOR_EVERYBODY:
        needed = f"one of {', '.join(FOR_EVERYBODY)} at the end, which have an answer for everybody"
        raise DeclarationError("launch.rules.fallbacks", rules.fallbacks, needed)


def _check_context(rules: Rules, log: Log) -> None:
    for name in rules.context:
        if name not in log.context or rules.context.count(name) > 1:
            raise DeclarationError(
                "launch.rules.context", name, f"columns out of launch.log.context {log.context}, each once"
            )
    if bool(rules.context) != ("context_popularity" in rules.names):
        raise DeclarationError(
            "launch.rules.context",
            rules.context,
            "columns if, and only if, launch.rules.names holds 'context_popularity'",
        )


def _check_catalogue_rules(rules: Rules, log: Log, catalogue: Catalogue | None) -> None:
    needs = {"newest": "added", "priority": "priority", "round_robin": "categories"}
    named = [name for name in rules.names if name in CATALOGUE_RULES]
    for name in named:
        if catalogue is None:
            raise DeclarationError("launch.rules.names", name, "launch.catalogue to be declared too")
        if name in needs and not getattr(catalogue, needs[name]):
            raise DeclarationError("launch.rules.names", name, f"launch.catalogue.{needs[name]} to be declared too")
    if log.starts_empty and not named:
        needed = f"a rule in launch.rules.names that needs no event ({', '.join(CATALOGUE_RULES)})"
        raise DeclarationError("launch.log.starts_empty", True, needed)


def check_tuning(model: Model | CustomModel, log: Log) -> None:
    """Raises `DeclarationError` for a search that would find nothing to learn from."""
    if log.starts_empty and model.tuning_trials:
        fix = "Once there are events enough, set launch.log.starts_empty to False."
        raise DeclarationError("launch.model.tuning_trials", model.tuning_trials, "0, as the log starts empty", fix)
