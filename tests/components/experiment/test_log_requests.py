import numpy as np

from components.experiment.log_requests import Impressions, count_ages, group_requests

DAY_US = 86_400_000_000


def impressions(request=True, version=True):
    return Impressions(
        user=np.array([b"u2", b"u2", b"u1", b"", b"u1"], object),
        time=np.array([5, 6, 2, 9, 5], np.int64) * DAY_US,
        request=np.array([b"r2", b"r2", b"r1", b"r4", b"r3"], object) if request else None,
        labels={"click": np.array([1, 1, 0, 0, 1]), "purchase": np.array([0, 1, 0, 0, 0])},
        version=np.array([b"20", b"20", b"10", b"", b"v0"], object) if version else None,
    )


def test_impressions_of_one_request_id_are_one_request():
    traffic = group_requests(impressions())

    assert [traffic.users[code] for code in traffic.user] == ["u1", "u2", "u1", ""]
    assert traffic.time.tolist() == [day * 86_400 for day in (2, 5, 5, 9)]
    assert traffic.actions["click"].tolist() == [0, 2, 1, 0]
    assert traffic.actions["purchase"].tolist() == [0, 1, 0, 0]
    assert traffic.version.tolist() == [10, 20, -1, -1]


def test_without_request_ids_a_request_is_a_user_and_a_moment():
    traffic = group_requests(impressions(request=False, version=False))

    assert [(traffic.users[code], time // 86_400) for code, time in zip(traffic.user, traffic.time, strict=True)] == [
        ("u1", 2), ("u1", 5), ("u2", 5), ("u2", 6), ("", 9),
    ]  # fmt: skip
    assert traffic.version.tolist() == [-1] * 5


def test_ages_count_days_from_the_newest_request():
    assert count_ages(group_requests(impressions())).tolist() == [7, 4, 4, 0]


def test_a_log_without_impressions_has_no_requests():
    nothing = np.zeros(0, object)
    empty = Impressions(nothing, np.zeros(0, np.int64), nothing, {"click": np.zeros(0, np.int64)}, nothing)

    assert len(group_requests(empty).time) == 0
