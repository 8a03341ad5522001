"""A business filter: which items may be shown to a request, by a column of the catalogue."""

import dataclasses

from components.errors import DeclarationError

NUMERIC = ("<=", "<", ">=", ">")
OPERATORS = (*NUMERIC, "==", "!=", "contains")


@dataclasses.dataclass(frozen=True)
class Filter:
    """An item is shown only where its column stands in this relation to the request, for rules and model alike.

    An item without a value in the column is always shown; one with a value never where the request lacks its own.

    Attributes:
      column: of the catalogue; it may have another role too.
      operator: "<=", "<", ">=" or ">" of numbers; "==" or "!=" of texts or integers; "contains" where the column
        holds words, one of which is meant.
      context: the column of `log.context` on the other side: `Filter("age_limit", "<=", context="age")`.
      value: a constant on the other side instead: `Filter("stock", ">", value=0)`.
    """

    column: str
    operator: str
    context: str | None = None
    value: float | str | None = None

    @property
    def is_numeric(self) -> bool:
        """Whether both sides are numbers."""
        return self.operator in NUMERIC


def check_filters(filters: tuple[Filter, ...], item: str, context: tuple[str, ...]) -> None:
    """Raises `DeclarationError` for the first filter that is wrong.

    Args:
      filters: of the catalogue.
      item: the catalogue's id column.
      context: the declared context columns.
    """
    for index, one in enumerate(filters):
        field = f"launch.catalogue.filters[{index}]"
        if not one.column or one.column == item:
            raise DeclarationError(f"{field}.column", one.column, "a column of the catalogue that is not the id")
        if one.operator not in OPERATORS:
            raise DeclarationError(f"{field}.operator", one.operator, f"one of {', '.join(OPERATORS)}")
        if (one.context is None) == (one.value is None):
            raise DeclarationError(field, (one.context, one.value), "either context or value")
        if one.context is not None and one.context not in context:
            raise DeclarationError(f"{field}.context", one.context, f"a column out of launch.log.context {context}")
        if one.value is not None and isinstance(one.value, str) == one.is_numeric:
            needed = "a number" if one.is_numeric else "a text"
            raise DeclarationError(f"{field}.value", one.value, f"{needed} for the operator {one.operator!r}")
