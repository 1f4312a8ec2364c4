"""However a coach vanishes, their client is with the AI again in time."""

from datetime import timedelta
from typing import Any

from conversations import absence

LATEST = timedelta(seconds=150)
CHECKS_EVERY = timedelta(seconds=2)
"""How often Daphne looks whose ping is due."""


def test_a_cut_network_is_noticed_and_the_conversation_handed_back_within_150_seconds(settings: Any) -> None:
    noticed = timedelta(seconds=settings.SOCKET_PING_SECONDS + settings.SOCKET_PONG_SECONDS) + CHECKS_EVERY
    swept = timedelta(seconds=settings.CELERY_BEAT_SCHEDULE["give-back-absent"]["schedule"])
    assert noticed + absence.GONE_AFTER + swept <= LATEST
    assert settings.SOCKET_PONG_SECONDS < settings.SOCKET_PING_SECONDS
