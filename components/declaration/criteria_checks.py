"""What makes the declared policies valid: the rules, the guards of the gate, and what the product boosts or hides."""

import re
import typing

from components.errors import DeclarationError

if typing.TYPE_CHECKING:
    from components.declaration import Gate, Launch, Rules
    from components.declaration.data import Catalogue

RULE_NAMES = ("popularity", "recent_popularity", "covisitation")
# Rules that have an answer for everybody, in the order in which they stand in for the others by default.
FOR_EVERYBODY = ("context_popularity", "recent_popularity", "popularity")
BUILT_IN_RULES = (*RULE_NAMES, "context_popularity")
OWN_RULE = re.compile(r"components(\.[a-z][a-z0-9_]*){2,}")

NEW_USERS, KNOWN_USERS = "new users", "known users"
FIRST_DAY, FIRST_WEEK, LATER = "users in their first day", "users in their first week", "users after their first week"
NO_HISTORY, SHORT_HISTORY, LONG_HISTORY = "no history yet", "1-5 items of history", "more than 5 items of history"
NEW_ITEMS, YOUNG_ITEMS, OLD_ITEMS = "items new since training", "items in their first week", "items after their first week"
HEAD, TAIL = "head items", "tail items"
USER_SLICES = "users"
# Those that tell most come first: a screen shows a few.
SLICES = (
    *(KNOWN_USERS, NEW_USERS, NO_HISTORY, NEW_ITEMS, HEAD, TAIL),
    *(SHORT_HISTORY, LONG_HISTORY, YOUNG_ITEMS, OLD_ITEMS, FIRST_DAY, FIRST_WEEK, LATER),
)


def called(rule: str) -> str:
    """What people read for a declared rule: the last part of a dotted path."""
    return rule.rpartition(".")[2]


def check(launch: "Launch") -> None:
    """Raises `DeclarationError` for the first field that is wrong."""
    _check_names("launch.rules.names", launch.rules.names)
    _check_fallbacks(launch.rules)
    _check_context(launch)
    _check_gate(launch.gate, launch)
    if launch.catalogue:
        _check_boosts(launch.catalogue)


def _check_names(field: str, names: tuple[str, ...]) -> None:
    if not names:
        raise DeclarationError(field, (), "at least one rule")
    short = [called(name) for name in names]
    for name in names:
        own = OWN_RULE.fullmatch(name) and called(name) not in BUILT_IN_RULES
        if not (name in BUILT_IN_RULES or own) or short.count(called(name)) > 1:
            fix = "A rule of yours is a function in components/, by its dotted path: 'components.rules.house.cheapest'."
            raise DeclarationError(field, name, f"rules out of {', '.join(BUILT_IN_RULES)}, each once", fix)


def _check_fallbacks(rules: "Rules") -> None:
    for name in rules.fallbacks:
        if name not in rules.names or rules.fallbacks.count(name) > 1:
            raise DeclarationError("launch.rules.fallbacks", name, f"rules out of launch.rules.names ({', '.join(rules.names)}), each once")
    if rules.fallbacks and rules.fallbacks[-1] not in FOR_EVERYBODY:
        needed = f"one of {', '.join(FOR_EVERYBODY)} at the end, which have an answer for everybody"
        raise DeclarationError("launch.rules.fallbacks", rules.fallbacks, needed)


def _check_context(launch: "Launch") -> None:
    rules = launch.rules
    for name in rules.context:
        if name not in launch.log.context or rules.context.count(name) > 1:
            raise DeclarationError("launch.rules.context", name, f"columns out of launch.log.context {launch.log.context}, each once")
    if bool(rules.context) != ("context_popularity" in rules.names):
        raise DeclarationError("launch.rules.context", rules.context, "columns if, and only if, launch.rules.names holds 'context_popularity'")


def _check_gate(gate: "Gate", launch: "Launch") -> None:
    for name in gate.guards:
        column, equals, _ = name.partition("=")
        if not (name in SLICES or (equals and column in launch.log.context)) or gate.guards.count(name) > 1:
            needed = f"slices out of: {'; '.join(SLICES)}; or 'column=value' of a declared context column; each once"
            raise DeclarationError("launch.gate.guards", name, needed)
    for name in gate.ranking_slices:
        if name not in (USER_SLICES, *launch.log.context) or gate.ranking_slices.count(name) > 1:
            needed = f"{USER_SLICES!r} or columns out of launch.log.context {launch.log.context}, each once"
            raise DeclarationError("launch.gate.ranking_slices", name, needed)
    if gate.guard_loss < 0 or gate.guard_loss > 1:
        raise DeclarationError("launch.gate.guard_loss", gate.guard_loss, "a number from 0 to 1")
    if gate.effect <= 0:
        raise DeclarationError("launch.gate.effect", gate.effect, "a number above 0")


def _check_boosts(catalogue: "Catalogue") -> None:
    pairs = [(boost.column, boost.value) for boost in catalogue.boosts]
    for index, boost in enumerate(catalogue.boosts):
        field = f"launch.catalogue.boosts[{index}]"
        if not boost.column or boost.column == catalogue.item:
            raise DeclarationError(f"{field}.column", boost.column, "a column of the catalogue that is not the id")
        if boost.factor < 0:
            raise DeclarationError(f"{field}.factor", boost.factor, "a number of at least 0 (0 hides the item)")
        if pairs.count((boost.column, boost.value)) > 1:
            raise DeclarationError(field, (boost.column, boost.value), "each column and value once")
