"""Numbers and answers as people write them: 4.5 and 4,5; yes, true and 1."""

import pyarrow as pa
import pyarrow.compute as pc

from components.ingest.event_time import NUMBER_TEXT

# A decimal comma; "1,234" may be a thousand, so three digits behind one comma are not read as a fraction.
COMMA_TEXT = r"^\s*-?\d+,(\d{1,2}|\d{4,})\s*$"
# The one list of words for yes and no: of answers in a log, flags of a catalogue, boosts, and guesses (lower case).
TRUE_WORDS = frozenset(("1", "1.0", "true", "yes", "y", "t", "on", "ja", "oui", "si"))
FALSE_WORDS = frozenset(("0", "0.0", "false", "no", "n", "f", "off", "nein", "non"))


def numbers_of(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Returns a column of numbers; null for a text that is not a number.

    Args:
      values: [rows] numbers, true and false, or text.
      kind: of the result; text is read for floats only.

    Returns:
      [rows] of that kind; yes and true are 1, no and false are 0, 4,5 is 4.5.
    """
    if not pa.types.is_string(values.type):
        return values if values.type == kind else values.cast(kind)
    if not pa.types.is_floating(kind):
        return values.cast(kind)
    trimmed = pc.utf8_trim_whitespace(values)
    plain = _where(pc.match_substring_regex(trimmed, NUMBER_TEXT), trimmed)
    if plain.null_count == values.null_count:
        return plain.cast(kind)
    comma = _where(pc.match_substring_regex(trimmed, COMMA_TEXT), pc.replace_substring(trimmed, ",", "."))
    return pc.coalesce(plain.cast(kind), comma.cast(kind), truths(trimmed).cast(kind))


def truths(texts: pa.Array) -> pa.Array:
    """[rows] int64: 1 for a word that says yes, 0 for one that says no, null for any other."""
    words = pc.ascii_lower(pc.utf8_trim_whitespace(texts))  # all of ours are ASCII, and a lone surrogate is no UTF-8
    place = pc.index_in(words, value_set=pa.array([*sorted(TRUE_WORDS), *sorted(FALSE_WORDS)]))
    return pc.less(place, len(TRUE_WORDS)).cast(pa.int64())


def _where(keep: pa.Array, values: pa.Array) -> pa.Array:
    return pc.if_else(keep, values, pa.scalar(None, values.type))
