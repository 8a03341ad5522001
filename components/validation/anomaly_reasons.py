"""Explains the anomalies of ExampleValidator: the schema's expectation, the data, and the number of rows.

ExampleValidator reports that a column is anomalous; the statistics of the split tell which values and how many rows.
"""

import collections.abc
import math

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.validation.anomaly_text import Anomaly
from components.validation.schema_limits import bounds_of, domain_of, join_values, type_words, wants_every_row

_ABSENT = (
    "SCHEMA_MISSING_COLUMN",
    "FEATURE_TYPE_NOT_PRESENT",
    "FEATURE_TYPE_LOW_FRACTION_PRESENT",
    "FEATURE_TYPE_LOW_NUMBER_PRESENT",
)
_RANGES = ("_SMALL_INT", "_BIG_INT", "_SMALL_FLOAT", "_BIG_FLOAT")
_SHAPES = ("INVALID_FEATURE_SHAPE", "FEATURE_TYPE_LOW_NUMBER_VALUES", "FEATURE_TYPE_HIGH_NUMBER_VALUES")
_STATISTICS_TYPES = {"STRING": "BYTES"}


def explain(result: anomalies_pb2.Anomalies, statistics: statistics_pb2.DatasetFeatureStatistics) -> list[Anomaly]:
    """Returns the explained anomalies sorted by column; those of the data set come first.

    Args:
      result: the result of ExampleValidator for a split.
      statistics: the statistics of the same split.
    """
    if result.data_missing or not statistics.num_examples:
        return [Anomaly("", "at least one row", "no row at all")]
    anomalies = [
        Anomaly("", "what the schema says of the data set", info.description)
        for info in [result.dataset_anomaly_info]
        if info.reason
    ]
    columns = {".".join(column.path.step) or column.name: column for column in statistics.features}
    features = {feature.name: feature for feature in result.baseline.feature}
    for key, info in sorted(result.anomaly_info.items()):
        name = ".".join(info.path.step) or key
        rows = _Rows(columns.get(name, statistics_pb2.FeatureNameStatistics()), statistics.num_examples)
        anomalies += _explain_column(name, info, features.get(name, schema_pb2.Feature()), rows, result.baseline)
    return anomalies


def _explain_column(
    name: str, info: anomalies_pb2.AnomalyInfo, feature: schema_pb2.Feature, rows: "_Rows", schema: schema_pb2.Schema
) -> collections.abc.Iterator[Anomaly]:
    reasons = {anomalies_pb2.AnomalyInfo.Type.Name(reason.type): reason.description.strip() for reason in info.reason}
    expected_type = type_words(schema_pb2.FeatureType.Name(feature.type))
    if "SCHEMA_NEW_COLUMN" in reasons:
        yield Anomaly(
            name,
            "no such column",
            f"a column of type {type_words(rows.kind)}: {rows.sample()}, in {rows.share(rows.filled)}",
        )
    elif "UNEXPECTED_DATA_TYPE" in reasons:
        yield Anomaly(
            name,
            f"values of type {expected_type}",
            f"type {type_words(rows.kind)}: {rows.sample()}, in {rows.share(rows.filled)}",
        )
    else:
        yield from _explain_values(name, reasons, feature, rows, schema)


def _explain_values(
    name: str, reasons: dict[str, str], feature: schema_pb2.Feature, rows: "_Rows", schema: schema_pb2.Schema
) -> collections.abc.Iterator[Anomaly]:
    explained: set[str] = set()

    def has(*kinds: str) -> bool:
        matching = {reason for reason in reasons if any(kind in reason for kind in kinds)}
        explained.update(matching)
        return bool(matching)

    absent = has(*_ABSENT)
    if absent:
        yield Anomaly(
            name,
            "a value in every row" if wants_every_row(feature) else "values",
            f"missing in {rows.share(rows.missing)}",
        )
    if has("ENUM_TYPE_UNEXPECTED_STRING_VALUES"):
        allowed = domain_of(feature, schema) or []
        yield Anomaly(name, f"one of {join_values(sorted(allowed))}", rows.describe_unexpected(allowed))
    if has(*_RANGES):
        yield Anomaly(name, _range_words(*bounds_of(feature)), rows.describe_outside(*bounds_of(feature)))
    # A fixed shape implies presence, so TFDV reports a missing value twice.
    if has(*_SHAPES) and not absent:
        common = (
            rows.column.num_stats.common_stats
            if rows.column.HasField("num_stats")
            else rows.column.string_stats.common_stats
        )
        yield Anomaly(name, "one value a row", f"from {common.min_num_values} to {common.max_num_values} values a row")
    for reason in sorted(set(reasons) - explained):
        yield Anomaly(name, "what the schema says of it", reasons[reason] or reason)


class _Rows:
    """Describes the rows of one column, from its statistics."""

    def __init__(self, column: statistics_pb2.FeatureNameStatistics, total: int):
        self.column, self._total = column, total
        common = column.num_stats.common_stats if column.HasField("num_stats") else column.string_stats.common_stats
        self.filled = int(common.num_non_missing)
        self.missing = total - self.filled
        kind = statistics_pb2.FeatureNameStatistics.Type.Name(column.type)
        self.kind = _STATISTICS_TYPES.get(kind, kind)

    def share(self, rows: float, about: str = "") -> str:
        """Returns a number of rows with its share of all rows."""
        if rows >= self._total:
            return f"all {self._total:,} rows"
        return (
            f"{about}{rows:,.0f} of {self._total:,} rows ({100 * rows / self._total:.3g}%)"
            if rows
            else f"0 of {self._total:,} rows"
        )

    def sample(self) -> str:
        """Returns the most frequent texts, or the range of the numbers."""
        if self.column.HasField("num_stats"):
            numbers = self.column.num_stats
            return f"{numbers.min:g}" if numbers.min == numbers.max else f"from {numbers.min:g} to {numbers.max:g}"
        return "such as " + join_values([top.value for top in self.column.string_stats.top_values][:3])

    def describe_unexpected(self, allowed: collections.abc.Sequence[str]) -> str:
        """Returns the values outside the domain, most frequent first, and the number of their rows."""
        buckets = self.column.string_stats.rank_histogram.buckets
        unexpected = [bucket for bucket in buckets if bucket.label not in allowed]
        # The statistics keep the 1,000 most frequent values; each rarer value counts as one row at least.
        rarer = max(0, self.column.string_stats.unique - len(buckets))
        rows = sum(bucket.sample_count for bucket in unexpected) + rarer
        return f"{join_values([bucket.label for bucket in unexpected])} in {self.share(rows, 'at least ' if rarer else '')}"

    def describe_outside(self, low: float | None, high: float | None) -> str:
        """Returns the extreme numbers outside the bounds and the number of rows outside.

        The rows come from a histogram, so a bucket that contains a bound leaves a range.
        """
        numbers = self.column.num_stats
        ends = [f"{numbers.min:g}"] if low is not None and numbers.min < low else []
        ends += [f"{numbers.max:g}"] if high is not None and numbers.max > high else []
        standard = [
            histogram for histogram in numbers.histograms if histogram.type == statistics_pb2.Histogram.STANDARD
        ]
        certain, possible = 0.0, 0.0
        for bucket in standard[0].buckets if standard else []:
            start, end = (
                (math.ceil(bucket.low_value), math.floor(bucket.high_value))
                if self.kind == "INT"
                else (bucket.low_value, bucket.high_value)
            )
            certain += bucket.sample_count * ((high is not None and start > high) or (low is not None and end < low))
            possible += bucket.sample_count * ((high is not None and end > high) or (low is not None and start < low))
        least, most = max(len(ends), round(certain)), round(possible)
        rows = self.share(least) if least >= most else f"{least:,} to {most:,} of {self._total:,} rows"
        return f"{' and '.join(ends) or 'other numbers'}; {rows} out of range"


def _range_words(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"numbers from {low:g} to {high:g}"
    return f"numbers of at least {low:g}" if low is not None else f"numbers of at most {high:g}"
