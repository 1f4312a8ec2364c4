"""What is the same wherever Sideline runs; every choice of an adapter by dotted path is made here."""

import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from config import addresses, content_policy, log
from config.env import Environment
from config.settings import api, jobs, own_data, quotas, sign_in, unfold

BASE_DIR = Path(__file__).resolve().parents[2]
ENV = Environment(os.environ)

SIDELINE_DATA = Path(ENV.text("SIDELINE_DATA", str(BASE_DIR / ".local")))
"""Everything that the machine keeps for this installation: services, secrets, uploads, logs."""

SIDELINE_ROLE = ENV.text("SIDELINE_ROLE", "command")
"""What this process is: web, worker or command. It decides time limits and pooling."""

DEBUG = False
BEHIND_PROXY = ENV.flag("BEHIND_PROXY", default=False)
"""Whether a proxy of ours is in front, which says whether people came by HTTPS."""
TRUSTED_PROXIES = ENV.integer("TRUSTED_PROXIES", 0)
"""How many proxies of ours each add an address to `X-Forwarded-For`; with none the header is not looked at."""
SECRET_KEY = ""
ALLOWED_HOSTS: list[str] = []
SITE_NAME = "Sideline"

# --- What is installed -------------------------------------------------------------------------------

INSTALLED_APPS = [
    "config",
    "assessments",
    "conversations",
    "knowledge",
    "coaching",
    "accounts",
    "accounts.sso",
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "template_partials",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "channels",
    "csp",
]

MIDDLEWARE = [
    "config.requests.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.content_policy.ContentPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.sessions.SlidingSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.SessionNotesMiddleware",
    "accounts.sso.middleware.PasswordPagesMiddleware",
    "accounts.middleware.PrivatePageMiddleware",
    "accounts.middleware.NotVisibleMiddleware",
    "accounts.middleware.ButtonAddressMiddleware",
    "accounts.middleware.QuotaMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
            "builtins": ["accounts.templatetags.icons", "accounts.templatetags.moments"],
        },
    },
]

# --- People and sessions -----------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.sso.backend.PasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"

ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
"""Nobody gets a mail from us because somebody else typed their address."""
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {"sign_in_with_provider": "300/m/ip"}
"""Beside django-allauth's own: each beginning writes a session for nobody. A school comes from one address."""

PASSWORD_SIGN_IN = ENV.flag("PASSWORD_SIGN_IN", default=True)
"""Whether passwords open sessions; in production they do not unless the operator says so."""
MFA_ADAPTER = "accounts.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "accounts.second_factor.CodeForm",
    "reauthenticate": "accounts.second_factor.ConfirmingCodeForm",
}
MFA_TOTP_TOLERANCE = 1
"""Codes before and after the present one that are right as well: clocks differ."""
SEATS: dict[str, int | None] = {"free": 50, "basic": 200, "premium": 1_000, "enterprise": None}
"""Active people that an organization may have, by tier; none means as many as it likes."""
SOCIALACCOUNT_ADAPTER = "accounts.sso.adapter.ProviderAdapter"
SOCIALACCOUNT_PROVIDERS = sign_in.providers(ENV)
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = int(timedelta(hours=24).total_seconds())
SESSION_RENEWED_AFTER = timedelta(minutes=10)
"""A session in use is saved again, and so lives on, when its last renewal is older than this."""
SESSION_LONGEST = timedelta(days=7)
"""However much it is used, a session ends after this."""
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"

# --- Data --------------------------------------------------------------------------------------------

_remembered = addresses.remembered(SIDELINE_DATA)
DATABASE_URL = ENV.text(
    "DATABASE_URL", _remembered.get("DATABASE_URL", "postgresql://127.0.0.1:1/not-started")
)
REDIS_URL = ENV.text("REDIS_URL", _remembered.get("REDIS_URL", "redis://127.0.0.1:1/0"))

_LIMITS = {
    "web": {"statement_timeout": "5s", "lock_timeout": "3s", "idle_in_transaction_session_timeout": "10s"},
    "thinking": {
        "statement_timeout": "5s",
        "lock_timeout": "3s",
        "idle_in_transaction_session_timeout": "10s",
    },
    "worker": {
        "statement_timeout": "120s",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "300s",
    },
}


def _database(name: str, url: str) -> dict[str, Any]:
    """Return a database, with the time limits and the pool of this process's role.

    A web process answers each request in a thread of its own, so its connections come from a pool;
    the other processes keep theirs.
    """
    try:
        database = addresses.database_from_url(url)
    except ValueError as error:
        ENV.problems.append(f"{name} is wrong: {error}")
        return {"ENGINE": "django.db.backends.postgresql"}
    limits = " ".join(f"-c {name}={value}" for name, value in _LIMITS.get(SIDELINE_ROLE, {}).items())
    database["OPTIONS"] = {"connect_timeout": 5, "options": limits, **database["OPTIONS"]}
    database["OPTIONS"]["prepare_threshold"] = 5 if ENV.flag("DATABASE_PREPARES", default=True) else None
    database["CONN_HEALTH_CHECKS"] = True
    if SIDELINE_ROLE == "web":
        size = ENV.integer("DATABASE_POOL_SIZE", 20, least=2)
        database["OPTIONS"]["pool"] = {"min_size": 2, "max_size": size, "timeout": 2, "max_lifetime": 1800}
        database["CONN_MAX_AGE"] = 0
    else:
        database["CONN_MAX_AGE"] = 60
    return database


def _redis(number: int) -> str:
    """Return the address of one numbered database of the Redis server."""
    try:
        return addresses.redis_database(REDIS_URL, number)
    except ValueError as error:
        ENV.problems.append(f"REDIS_URL is wrong: {error}")
        return ""


DATABASES = {"default": _database("DATABASE_URL", DATABASE_URL)}
if ENV.given("ANALYTICS_DATABASE_URL"):
    DATABASES["analytics"] = _database("ANALYTICS_DATABASE_URL", ENV.text("ANALYTICS_DATABASE_URL"))
THINKING_PROCESS = ENV.text("THINKING_PROCESS", "config.thinking" if SIDELINE_ROLE == "web" else "")
"""The module run beside a web process to embed and look up questions; empty: that is done in the process itself."""
DATABASE_THREADS = ENV.integer("DATABASE_THREADS", 4, least=1)
"""Threads on which asynchronous code does its short database work."""
PRESENCE_URL = _redis(3)
"""Where it is noted who is in a conversation now."""
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "config.caching.ForgivingRedisCache",
        "LOCATION": ENV.text("CACHE_URL", _redis(2)),
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    },
}
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "config.channel_layer.ForgivingChannelLayer",
        "CONFIG": {
            "hosts": [{"address": _redis(1), "socket_timeout": 1.0, "socket_connect_timeout": 1.0}],
            "prefix": "sideline",
        },
    },
}

MEDIA_ROOT = Path(ENV.text("MEDIA_ROOT", str(SIDELINE_DATA / "media")))
STATIC_URL = "/static/"
STATIC_ROOT = Path(ENV.text("STATIC_ROOT", str(SIDELINE_DATA / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

REQUEST_BODY_LIMIT = 1024 * 1024
"""Bytes of a request body that are read before Django sees anything."""
_UPLOAD_LIMIT = ENV.integer("UPLOAD_LIMIT_MB", 110, least=1) * 1024 * 1024
REQUEST_BODY_LIMITS: dict[str, int] = {
    r"/admin/knowledge/document/(upload|[0-9a-f-]{36}/replace)/": _UPLOAD_LIMIT,
    "/api/v1/documents": _UPLOAD_LIMIT,
    "/api/v1/documents/[0-9a-f-]{36}/versions": _UPLOAD_LIMIT,
}
"""Longer bodies by path, as regular expressions: where files are handed in, by whoever may do that."""
REQUEST_BODY_SECONDS = 30.0
"""How long a request body may stand still before the request is given up."""

# --- People's own data -------------------------------------------------------------------------------

ACCOUNT_DATA = own_data.OF_A_PERSON
ORGANIZATION_DATA = own_data.OF_AN_ORGANIZATION
RETENTION = own_data.NOT_KEPT_FOR_EVER
ERASURE_GRACE = timedelta(days=ENV.integer("ERASURE_GRACE_DAYS", 7, least=0))
"""How long somebody may think again before their account is erased."""
ACCOUNT_EXPORT_LASTS = timedelta(hours=24)
"""How long a person's copy of their own data can be downloaded."""

# --- Jobs --------------------------------------------------------------------------------------------

VISIBILITY_TIMEOUT_SECONDS = 600

CELERY_BROKER_URL = _redis(0)
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 270
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30.0
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_VISIBILITY_TIMEOUT = VISIBILITY_TIMEOUT_SECONDS
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": VISIBILITY_TIMEOUT_SECONDS}
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
    "socket_connect_timeout": 2.0,
    "socket_timeout": 1.0 if SIDELINE_ROLE == "web" else 30.0,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.2,
}
CELERY_TASK_DEFAULT_QUEUE = jobs.PROMPT
CELERY_TASK_ROUTES = jobs.ROUTES
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = jobs.SCHEDULE

# --- Sockets -----------------------------------------------------------------------------------------

SOCKET_PING_SECONDS = 10
"""How often each socket is asked whether somebody is there; a cut network says nothing by itself."""
SOCKET_PONG_SECONDS = 8
"""How long the answer may take; less than the time between two questions."""
SOCKETS_AT_ONCE = ENV.integer("SOCKETS_AT_ONCE", 20, least=1)
"""Sockets that one person may have open in a web process: a tab each."""

# --- What lower floors tell higher ones, by dotted paths ----------------------------------------------

COACHING_CHANGES = ["conversations.following.follow"]
"""Called when educators may have another coach; `accounts/teams.py` says how."""

# --- What may be used, and how much ------------------------------------------------------------------

QUOTAS_URL = ENV.text("QUOTAS_URL", _redis(4))
"""Where the token buckets are; `memory://` keeps them in each process, for an installation that has one."""
QUOTAS = quotas.RATES
QUOTAS_NEVER_REFUSE = quotas.NEVER_REFUSE
QUOTAS_COUNT_DOWNLOADS = quotas.COUNT_DOWNLOADS
AI_TURNS_AT_ONCE = ENV.integer("AI_TURNS_AT_ONCE", 5, least=1)
"""Answers that one person may have under way or waiting at the same time."""
MONTHLY_MESSAGES = quotas.MONTHLY_MESSAGES
LIBRARY_MB = quotas.LIBRARY_MB
DAILY_BUDGET_USD = Decimal(ENV.integer("DAILY_BUDGET_CENTS", 500)) / 100
"""What the AI may cost each person in a day, in US dollars."""

# --- The coach's AI ----------------------------------------------------------------------------------

OPENAI_API_KEY = ENV.key("OPENAI_API_KEY")
OPENAI_BASE_URL = ENV.address("OPENAI_BASE_URL", "https://api.openai.com/v1")
OPENAI_CHAT_MODEL = ENV.text("OPENAI_CHAT_MODEL", "gpt-4o")
OPENAI_CHEAPER_MODEL = ENV.text("OPENAI_CHEAPER_MODEL", "gpt-4o-mini")
ROUTING_MODEL_MS = ENV.integer("ROUTING_MODEL_MS", 500)
"""How long a question may wait to be told what it is about, where that is not clear here; 0: no model is asked.
More than two seconds are taken for two (`conversations.turns.understand`)."""
OPENAI_EMBEDDING_MODEL = ENV.text("OPENAI_EMBEDDING_MODEL", "text-embedding-3-small")
OPENAI_EMBEDDING_DIMENSIONS = ENV.integer("OPENAI_EMBEDDING_DIMENSIONS", 1536, least=1)

CHAT_MODEL = ENV.text("CHAT_MODEL", "")
CHAT_FALLBACK_MODEL = ENV.text("CHAT_FALLBACK_MODEL", "")
EMBEDDING_MODEL = ENV.text("EMBEDDING_MODEL", "")
"""Dotted paths of adapters; empty, the registry chooses by whether there is a key."""

# --- Metrics -----------------------------------------------------------------------------------------

METRICS_HOST = ENV.text("METRICS_HOST", "127.0.0.1")
METRICS_PORT = ENV.integer("METRICS_PORT", 9464)
"""Where each web process and worker shows its counters to Prometheus; each on a machine needs its own, 0 is none."""

# --- The rest ----------------------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
TIME_ZONE = ENV.text("TIME_ZONE", "UTC")
USE_TZ = True
USE_I18N = True

CONTENT_SECURITY_POLICY = {"DIRECTIVES": content_policy.PAGES}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
EMAIL_TIMEOUT = 10
MAIL = {
    "invitation": "accounts.invitations.letter",
    "api_key": "accounts.tokens.letter",
    "password_link": "accounts.people.password_letter",
}
"""Who writes each kind of mail, as dotted paths."""
PUBLIC_URL = ENV.text("PUBLIC_URL", "http://localhost:8000")
"""Where people reach this installation; links in mails begin with it."""
SILENCED_SYSTEM_CHECKS: list[str] = []

LOGGING = log.configuration(level=ENV.text("LOG_LEVEL", "INFO"))
LOGGING_CONFIG = "logging.config.dictConfig"

UNFOLD = unfold.DASHBOARD
REST_FRAMEWORK = api.REST_FRAMEWORK
SPECTACULAR_SETTINGS = api.SPECTACULAR
