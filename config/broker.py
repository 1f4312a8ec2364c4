"""The broker, asked directly: whether it answers, and how many messages wait in it.

They are only nudges; many of them mean that no worker keeps up.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

UNACKNOWLEDGED = "unacknowledged"
"""Messages that a worker has taken and not finished; the transport keeps them in a hash of its own."""
_UNACKED_KEY = "unacked"
_PATIENCE_S = 1.0


class BrokerAway(Exception):
    """The broker did not answer, or is none that can be asked."""


def queue_names() -> list[str]:
    """Return the queues that the settings route tasks to."""
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    return sorted({settings.CELERY_TASK_DEFAULT_QUEUE, *routed})


@contextmanager
def reached() -> Iterator[Redis]:
    """Yield the broker, which has little time for each answer.

    Raises:
        BrokerAway: Redis does not answer, or the broker is not Redis.
    """
    try:
        with Redis.from_url(
            settings.CELERY_BROKER_URL, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S
        ) as redis:
            yield redis
    except (RedisError, ValueError) as error:
        raise BrokerAway(type(error).__name__) from error


def depths() -> Mapping[str, int]:
    """Return how many messages wait in each queue, and how many are being worked on."""
    names = queue_names()
    with reached() as redis:
        asked = redis.pipeline(transaction=False)
        for name in names:
            asked.llen(name)
        asked.hlen(_UNACKED_KEY)
        found: list[int] = asked.execute()
    return dict(zip((*names, UNACKNOWLEDGED), found, strict=True))
