"""The names of the slices of the evaluation: public, as a declared guard is one of them."""

NEW_USERS, KNOWN_USERS = "new users", "known users"
FIRST_DAY, FIRST_WEEK, LATER = "users in their first day", "users in their first week", "users after their first week"
NO_HISTORY, SHORT_HISTORY, LONG_HISTORY = "no history yet", "1-5 items of history", "more than 5 items of history"
NEW_ITEMS, YOUNG_ITEMS, OLD_ITEMS = (
    "items new since training",
    "items in their first week",
    "items after their first week",
)
HEAD, TAIL = "head items", "tail items"
USER_SLICES = "users"
DEFAULT_GUARDS = ("ndcg@10", TAIL)
# Those that tell most come first: a screen shows a few.
SLICES = (
    *(KNOWN_USERS, NEW_USERS, NO_HISTORY, NEW_ITEMS, HEAD, TAIL),
    *(SHORT_HISTORY, LONG_HISTORY, YOUNG_ITEMS, OLD_ITEMS, FIRST_DAY, FIRST_WEEK, LATER),
)
