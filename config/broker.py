"""How many messages wait in the broker. They are only nudges; many of them mean that no worker keeps up."""

from collections.abc import Mapping

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


def depths() -> Mapping[str, int]:
    """Return how many messages wait in each queue, and how many are being worked on.

    Raises:
        BrokerAway: Redis does not answer, or the broker is not Redis.
    """
    names = queue_names()
    try:
        with Redis.from_url(
            settings.CELERY_BROKER_URL, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S
        ) as redis:
            asked = redis.pipeline(transaction=False)
            for name in names:
                asked.llen(name)
            asked.hlen(_UNACKED_KEY)
            found: list[int] = asked.execute()
    except (RedisError, ValueError) as error:
        raise BrokerAway(type(error).__name__) from error
    return dict(zip((*names, UNACKNOWLEDGED), found, strict=True))
