"""The names of the rules that are built in."""

RULE_NAMES = ("popularity", "recent_popularity", "covisitation")
# Rules that have an answer for everybody, in the order in which they stand in for the others by default.
FOR_EVERYBODY = ("context_popularity", "recent_popularity", "popularity")
BUILT_IN_RULES = (*RULE_NAMES, "context_popularity")


def short_name(rule: str) -> str:
    """Returns what people read for a declared rule: the last part of a dotted path."""
    return rule.rpartition(".")[2]
