"""A Redis client as Feast makes it, against addresses where nobody answers; no server is needed."""

import socket
import time
import types

import pytest

from components.integrations import feast_clients

redis = pytest.importorskip("redis")


@pytest.fixture
def hanging():
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def gone():
    """A port where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()[1]


def seconds_to_fail(client):
    began = time.monotonic()
    with pytest.raises(redis.RedisError):
        client.get("user")
    return time.monotonic() - began


def test_a_redis_that_is_gone_fails_at_once(gone):
    client = redis.Redis(host="127.0.0.1", port=gone)
    feast_clients.limit_redis(client)
    assert seconds_to_fail(client) < 0.15


def test_a_redis_that_hangs_fails_after_its_time(hanging):
    client = redis.Redis(host="127.0.0.1", port=hanging)
    feast_clients.limit_redis(client, 0.2)
    assert 0.15 < seconds_to_fail(client) < 0.6


def feature_store(kind, client):
    online = types.SimpleNamespace(_get_client=lambda config: client)
    config = types.SimpleNamespace(online_store=types.SimpleNamespace(type=kind))
    return types.SimpleNamespace(config=config, _get_provider=lambda: types.SimpleNamespace(online_store=online))


def test_the_client_of_a_feature_store_on_redis_is_set_up_and_others_are_left_alone(gone):
    client = redis.Redis(host="127.0.0.1", port=gone)
    feast_clients.limit(feature_store("redis", client))
    assert seconds_to_fail(client) < 0.15
    feast_clients.limit(feature_store("sqlite", None))
