"""Settings of the test suite: scripted models, a cache in memory, services that `conftest.py` starts."""

import os
from decimal import Decimal

from config.settings.base import *

SECRET_KEY = "only-for-the-suite-0123456789-abcdefghijklmnopqrstuvwxyz"  # noqa: S105 -- guards nothing
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

SIDELINE_DATA = BASE_DIR / ".local" / "test"
MEDIA_ROOT = SIDELINE_DATA / "media" / os.environ.get("PYTEST_XDIST_WORKER", "single")
STATIC_ROOT = SIDELINE_DATA / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": os.environ.get("PYTEST_XDIST_WORKER", "single"),
    },
}
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

DATABASES["default"]["ENGINE"] = "config.tests.postgres"
CELERY_BROKER_URL = "memory://"

METRICS_PORT = ENV.integer("METRICS_PORT", 0)
OPENAI_API_KEY = ""
CHAT_MODEL = ENV.text("CHAT_MODEL", "coaching.providers.scripted.from_settings")
CHAT_FALLBACK_MODEL = ""
ROUTING_MODEL_MS = 0
THINKING_PROCESS = ENV.text("THINKING_PROCESS", "")
EMBEDDING_MODEL = ENV.text("EMBEDDING_MODEL", "coaching.providers.scripted.embedding_from_settings")

# Limits that no test reaches by accident; those about limits set their own.
QUOTAS_URL = ENV.text("QUOTAS_URL", "memory://")
_PLENTY = dict.fromkeys(("requests", "ai_turns", "exports"), "1000000/hour")
QUOTAS = dict.fromkeys(("educator", "coach", "admin"), _PLENTY)
AI_TURNS_AT_ONCE = ENV.integer("AI_TURNS_AT_ONCE", 1_000_000)
MONTHLY_MESSAGES = dict.fromkeys(MONTHLY_MESSAGES)
DAILY_BUDGET_USD = Decimal(1_000_000)
