"""The names of the rules that are built in, and the form of the name of a team's own rule."""

import re

RULE_NAMES = ("popularity", "recent_popularity", "covisitation")
# Rules that have an answer for everybody, in the order in which they stand in for the others by default.
FOR_EVERYBODY = ("context_popularity", "recent_popularity", "popularity")
BUILT_IN_RULES = (*RULE_NAMES, "context_popularity")
OWN_RULE = re.compile(r"components(\.[a-z][a-z0-9_]*){2,}")


def short_name(rule: str) -> str:
    """Returns what people read for a declared rule: the last part of a dotted path."""
    return rule.rpartition(".")[2]
