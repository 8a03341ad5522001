"""Whether the eval part of a log is one policy's own traffic, from the statistics of the log.

A user can only take what was shown. Where one policy chose nearly everything, what that policy ranks high is what was
taken, and another contender looks worse than it is.
"""

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.evaluation.findings import Traffic

OWN = 0.9


def find_traffic(data: statistics_pb2.DatasetFeatureStatistics, policy: str | None) -> Traffic | None:
    """Returns the policy that chose at least `OWN` of the rows.

    Args:
      data: the statistics of the eval split.
      policy: the column of the policy; None where the log has none.

    Returns:
      None where no policy chose that many, or where the log does not say: rows without a policy count as chosen by
      nobody.
    """
    for column in data.features if policy and data.num_examples else ():
        if (".".join(column.path.step) or column.name) == policy:
            name, count = _most_frequent(column)
            return Traffic(name, count / data.num_examples) if count >= OWN * data.num_examples else None
    return None


def _most_frequent(column: statistics_pb2.FeatureNameStatistics) -> tuple[str, float]:
    """Returns the most frequent value and its rows; of a number only if there is one value."""
    if column.HasField("num_stats"):
        stats = column.num_stats
        single = stats.min == stats.max
        return (f"{stats.min:g}", float(stats.common_stats.num_non_missing)) if single else ("", 0.0)
    top = column.string_stats.top_values
    return (top[0].value, top[0].frequency) if top else ("", 0.0)
