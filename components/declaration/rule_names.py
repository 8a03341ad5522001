"""The names of the rules that are built in."""

RULE_NAMES = ("popularity", "recent_popularity", "covisitation")
# Rules that read the catalogue alone: they serve before there is an event, and are the last to answer ever after.
CATALOGUE_RULES = ("priority", "newest", "round_robin", "catalogue_order")
# Rules that have an answer for everybody, in the order in which they stand in for the others by default.
FOR_EVERYBODY = ("context_popularity", "recent_popularity", "popularity", *CATALOGUE_RULES)
BUILT_IN_RULES = (*RULE_NAMES, "context_popularity", *CATALOGUE_RULES)


def short_name(rule: str) -> str:
    """Returns what people read for a declared rule: the last part of a dotted path."""
    return rule.rpartition(".")[2]
