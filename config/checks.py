"""System checks of the deployment; each message has an id and says what to do.

| id | what is wrong |
|---|---|
| sideline.E001 | a model is named that does not exist |
| sideline.E002 | the visibility timeout is not longer than the longest job |
| sideline.E003 | a body limit is below the default |
| sideline.W001 | DEBUG is on |
| sideline.W002 | every host is allowed |
| sideline.W003 | a provider's key would travel unencrypted |
| sideline.W004 | signing in with a provider would travel unencrypted |
| sideline.W005 | behind a proxy, everybody would have the proxy's address |
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.utils.module_loading import import_string

MODEL_SETTINGS = ("CHAT_MODEL", "CHAT_FALLBACK_MODEL", "EMBEDDING_MODEL")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@register()
def models_exist(app_configs: Sequence[Any] | None, **_options: Any) -> list[CheckMessage]:
    """Check that each dotted path of a model leads somewhere."""
    return [
        Error(
            f"{name} names {path}, which cannot be imported.",
            hint=f"Correct or unset {name}.",
            id="sideline.E001",
        )
        for name in MODEL_SETTINGS
        if (path := getattr(settings, name)) and not _importable(path)
    ]


@register()
def jobs_outlive_no_visibility(app_configs: Sequence[Any] | None, **_options: Any) -> list[CheckMessage]:
    """Check that the broker hands a message out again only after its job must have ended."""
    limit = settings.CELERY_TASK_TIME_LIMIT
    places = (
        settings.CELERY_VISIBILITY_TIMEOUT,
        settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("visibility_timeout", 0),
        settings.CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS.get("visibility_timeout", 0),
    )
    if min(places) > limit:
        return []
    hint = "Raise VISIBILITY_TIMEOUT_SECONDS above CELERY_TASK_TIME_LIMIT."
    return [Error("A job may still run when it is handed out again.", hint=hint, id="sideline.E002")]


@register()
def body_limits_only_widen(app_configs: Sequence[Any] | None, **_options: Any) -> list[CheckMessage]:
    """Check that the table of body limits holds exceptions upwards."""
    return [
        Error(f"The body limit of {prefix} is below the default.", hint="Remove it.", id="sideline.E003")
        for prefix, limit in settings.REQUEST_BODY_LIMITS.items()
        if limit < settings.REQUEST_BODY_LIMIT
    ]


@register(Tags.security, deploy=True)
def nothing_is_left_open(app_configs: Sequence[Any] | None, **_options: Any) -> list[CheckMessage]:
    """Check what must not be so where others can reach it."""
    found: list[CheckMessage] = []
    if settings.DEBUG:
        found.append(
            checks.Warning("DEBUG is on.", hint="Use config.settings.production.", id="sideline.W001")
        )
    if {"*", ".*"} & set(settings.ALLOWED_HOSTS):
        found.append(checks.Warning("Every host is allowed.", hint="Name the hosts.", id="sideline.W002"))
    provider = urlsplit(settings.OPENAI_BASE_URL)
    if settings.OPENAI_API_KEY and provider.scheme != "https" and provider.hostname not in LOOPBACK:
        found.append(
            checks.Warning(
                "OPENAI_BASE_URL is not https: the key and the conversations would travel in the open.",
                hint="Use an https address.",
                id="sideline.W003",
            )
        )
    return found


@register(Tags.security, deploy=True)
def providers_are_asked_in_private(app_configs: Sequence[Any] | None, **_options: Any) -> list[CheckMessage]:
    """Check that who signs in, and the secret of the client, travel encrypted."""
    return [
        checks.Warning(
            f"{place} of {name} is not https: whoever listens could sign in as anybody.",
            hint="Use an https address.",
            id="sideline.W004",
        )
        for name, places in settings.SOCIALACCOUNT_PROVIDERS.items()
        for place, url in places.items()
        if places["APPS"] and place.endswith("_URL") and urlsplit(url).scheme != "https"
    ]


@register(Tags.security, deploy=True)
def people_have_addresses(app_configs: Sequence[Any] | None, **_options: Any) -> list[CheckMessage]:
    """Check that limits by address count people, and not the proxy through which all of them come."""
    if not settings.BEHIND_PROXY or settings.TRUSTED_PROXIES:
        return []
    return [
        checks.Warning(
            "BEHIND_PROXY is on and TRUSTED_PROXIES is 0: everybody would have the proxy's address,"
            " in the record and in every limit on guessing.",
            hint="Set TRUSTED_PROXIES to how many proxies add an address to X-Forwarded-For.",
            id="sideline.W005",
        )
    ]


def _importable(path: str) -> bool:
    """Return whether a dotted path leads to something."""
    try:
        import_string(path)
    except ImportError:
        return False
    return True
