"""Writes a schema in the text form of TensorFlow Metadata, without protobuf: a person edits it, TFX reads it."""

import collections.abc
import dataclasses
import typing

from components.validation.column_facts import ColumnFacts


@dataclasses.dataclass(frozen=True)
class Column:
    """One column as a schema describes it.

    Attributes:
      name: of the feature.
      kind: "BYTES", "INT" or "FLOAT".
      filled: "always"; "sometimes", but in every split; or "never" for sure: nothing can be asked of it.
      single: whether a row holds one value at most.
      domain: the values that text may have; () if it is open.
      low, high: bounds of a number; None where it has none.
      boolean: whether the number is 0 or 1.
      drift: the distance between earlier and later rows from which the column counts as drifted; None if nobody looks.
      facts: the data's facts behind the proposal; None for a label, which the data do not hold yet.
    """

    name: str
    kind: typing.Literal["BYTES", "INT", "FLOAT"]
    filled: typing.Literal["always", "sometimes", "never"] = "always"
    single: bool = True
    domain: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    boolean: bool = False
    drift: float | None = None
    facts: ColumnFacts | None = dataclasses.field(default=None, compare=False, repr=False)

    def text(self) -> str:
        """Returns the feature, and its domain if it has one, in the form of TensorFlow Metadata's text files."""
        lines = [
            f"name: {_quote(self.name)}",
            f"type: {self.kind}",
            *self._limits(),
            *self._presence(),
            *self._drift(),
        ]
        feature = _block("feature", lines)
        if not self.domain:
            return feature
        values = [f"value: {_quote(value)}" for value in self.domain]
        return feature + _block("string_domain", [f"name: {_quote(self.name)}", *values])

    def _limits(self) -> list[str]:
        if self.domain:
            return [f"domain: {_quote(self.name)}"]
        if self.boolean:
            return ["bool_domain { }"]
        number = int if self.kind == "INT" else float
        ends = " ".join(
            f"{end}: {number(value)}" for end, value in (("min", self.low), ("max", self.high)) if value is not None
        )
        return [f"{'int' if self.kind == 'INT' else 'float'}_domain {{ {ends} }}"] if ends else []

    def _presence(self) -> list[str]:
        if self.filled == "always" and self.single:
            return ["presence { min_fraction: 1.0 min_count: 1 }", "shape { dim { size: 1 } }"]
        fraction = "min_fraction: 1.0 " if self.filled == "always" else ""
        presence = [] if self.filled == "never" else [f"presence {{ {fraction}min_count: 1 }}"]
        return [
            *presence,
            f"value_count {{ min: {int(self.single)} max: 1 }}" if self.single else "value_count { min: 0 }",
        ]

    def _drift(self) -> list[str]:
        if self.drift is None:
            return []
        # The largest change of one value's share speaks for itself; numbers have no shares, so their histograms are
        # compared.
        measure = "infinity_norm" if self.kind == "BYTES" else "jensen_shannon_divergence"
        return [f"drift_comparator {{ {measure} {{ threshold: {self.drift} }} }}"]


def schema_text(launch_name: str, which: str, columns: collections.abc.Iterable[Column]) -> str:
    """Returns the file's text: a header for people, then features, then domains."""
    blocks = [column.text() for column in columns]
    features = [text.partition("string_domain {")[0] for text in blocks]
    domains = [text.partition("string_domain {")[2] for text in blocks]
    header = (
        f"# The curated schema of the {which} of launch {launch_name}, as the examples hold it: inferred from the data, then reviewed by people.\n"
        f"# A column or value that is not here stops the run at the gate. `python -m pipeline schema --launch {launch_name}` shows what differs.\n"
    )
    return header + "".join(features) + "".join(f"string_domain {{{domain}" for domain in domains if domain)


def _quote(text: str) -> str:
    """Returns a string as protobuf's text form writes it."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return (
        '"'
        + "".join(escapes.get(letter) or (letter if letter >= " " else f"\\{ord(letter):03o}") for letter in text)
        + '"'
    )


def _block(kind: str, lines: collections.abc.Iterable[str]) -> str:
    return "\n".join([f"{kind} {{", *(f"  {line}" for line in lines), "}", ""])
