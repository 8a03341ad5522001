"""The clients of Feast's online stores, set up for a server that must answer in milliseconds.

redis-py repeats a failed request three times, with waits from one second on, whatever its time limits are. A server cannot
wait for that: one attempt, with a limit. Feast has no setting for it, so the client is set up after Feast made it.
"""

from typing import Any

SECONDS = 0.2


def limit_redis(client: Any, seconds: float = SECONDS) -> None:
    """Gives a Redis client a time limit and takes its retries away.

    Args:
      client: a `redis.Redis` or `redis.RedisCluster`.
      seconds: for a connection, and for an answer.
    """
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    client.set_retry(Retry(NoBackoff(), 0))
    pool = getattr(client, "connection_pool", None)
    if pool is not None:
        pool.connection_kwargs.update(socket_timeout=seconds, socket_connect_timeout=seconds)
        pool.disconnect()


def limit(store: Any) -> None:
    """Sets up the client of a `feast.FeatureStore`, where its online store is Redis; others stay unchanged."""
    if "redis" not in str(getattr(store.config.online_store, "type", "")).lower():
        return
    online = store._get_provider().online_store
    limit_redis(online._get_client(store.config.online_store))
