"""Settings of the real processes that tests start: the suite's, with Redis between the processes."""

from pathlib import Path

from config.settings import base
from config.settings.test import *

CELERY_BROKER_URL = base.CELERY_BROKER_URL
CHANNEL_LAYERS = base.CHANNEL_LAYERS
CACHES = base.CACHES
MEDIA_ROOT = Path(ENV.text("MEDIA_ROOT"))

WHITENOISE_USE_FINDERS = True
"""Scripts and styles are served from where they are written; nothing is collected for a test."""

SOCKETS_AT_ONCE = 21
"""Twenty tabs of one session, and one more that tells what became of them."""

CHAT_MODEL = ENV.text("CHAT_MODEL", "coaching.providers.extractive.from_settings")

ENV.refuse_problems()
