import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.evaluation.eval_traffic import find_traffic
from components.evaluation.findings import Traffic


def statistics(counts, rows):
    data = statistics_pb2.DatasetFeatureStatistics(num_examples=rows)
    column = data.features.add()
    column.path.step.append("policy")
    column.string_stats.common_stats.num_non_missing = sum(counts.values())
    for value, count in sorted(counts.items(), key=lambda pair: -pair[1]):
        column.string_stats.top_values.add(value=value, frequency=count)
    return data


@pytest.mark.parametrize(
    ("counts", "rows", "traffic"),
    [
        ({"rules": 950, "explore": 50}, 1000, Traffic("rules", 0.95)),
        ({"rules": 600, "model": 400}, 1000, None),
        ({"rules": 500}, 1000, None),  # half of the rows come from elsewhere
        ({}, 1000, None),
        ({}, 0, None),
    ],
)
def test_one_policys_own_traffic(counts, rows, traffic):
    assert find_traffic(statistics(counts, rows), "policy") == traffic


def test_without_the_column_nothing_is_known():
    assert find_traffic(statistics({"rules": 10}, 10), None) is None
    assert find_traffic(statistics({"rules": 10}, 10), "other") is None


@pytest.mark.parametrize(("least", "most", "traffic"), [(3, 3, Traffic("3", 1.0)), (1, 3, None)])
def test_a_policy_that_is_a_number(least, most, traffic):
    data = statistics_pb2.DatasetFeatureStatistics(num_examples=10)
    stats = data.features.add(name="policy").num_stats
    stats.min, stats.max, stats.common_stats.num_non_missing = least, most, 10
    assert find_traffic(data, "policy") == traffic
