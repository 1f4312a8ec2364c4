"""Settings: typed readers that fail loudly, production that refuses what is unsafe, checks that name it."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from config import addresses, local_secrets
from config.celery import app
from config.checks import (
    body_limits_only_widen,
    jobs_outlive_no_visibility,
    models_exist,
    nothing_is_left_open,
    people_have_addresses,
    providers_are_asked_in_private,
)
from config.env import Environment
from config.settings import sign_in
from config.supervisor import python
from config.tests.deployment import ROOT, production_environment

GOOD_SECRET = "q7Zt0vXn4LkR9sYb2HwE6mJdP1aUcGfI8oTx"


class TestEnvironment:
    @pytest.mark.parametrize("word", ["1", "true", "YES", "on"])
    def test_reads_a_yes(self, word: str) -> None:
        assert Environment({"A": word}).flag("A", default=False) is True

    @pytest.mark.parametrize("word", ["0", "False", "no", "OFF"])
    def test_reads_a_no(self, word: str) -> None:
        assert Environment({"A": word}).flag("A", default=True) is False

    def test_reads_numbers_and_lists(self) -> None:
        env = Environment({"A": "12", "B": "one, two,,three "})
        assert env.integer("A", 1) == 12
        assert env.words("B") == ["one", "two", "three"]
        assert env.problems == []

    def test_an_empty_value_is_no_value(self) -> None:
        assert Environment({"A": "  "}).text("A", "default") == "default"

    def test_reads_from_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text(f"{GOOD_SECRET}\n")
        env = Environment({"A_FILE": str(tmp_path / "secret")})
        assert env.secret("A") == GOOD_SECRET
        assert env.problems == []

    def test_names_every_problem_at_once(self, tmp_path: Path) -> None:
        env = Environment({"B": "perhaps", "C": "-1", "D": "short", "G_FILE": str(tmp_path / "none")})
        env.text("A")
        env.flag("B", default=True)
        env.integer("C", 1)
        env.secret("D")
        env.secret("E")
        env.words("F", None)
        env.text("G", "")
        with pytest.raises(ImproperlyConfigured) as refused:
            env.refuse_problems()
        assert str(refused.value).splitlines() == [
            "Sideline cannot start:",
            "- A is missing",
            "- B must be yes or no",
            "- C must be a whole number of at least 0",
            "- D is too short: it needs 32 characters",
            "- E is missing",
            "- F is missing",
            "- G_FILE names a file that cannot be read",
        ]

    def test_names_a_problem_once_however_often_it_is_met(self) -> None:
        env = Environment({})
        for _ in range(2):
            env.secret("A")
        with pytest.raises(ImproperlyConfigured) as refused:
            env.refuse_problems()
        assert str(refused.value) == "Sideline cannot start:\n- A is missing"

    @pytest.mark.parametrize(
        ("value", "problem"),
        [
            (
                "django-insecure-q7Zt0vXn4LkR9sYb2HwE6mJdP1aUcGfI8oTx",
                "looks like an example: make one of your own",
            ),
            ("change-me-change-me-change-me-change-me", "looks like an example: make one of your own"),
            ("ab" * 20, "repeats itself: make a random one"),
        ],
    )
    def test_refuses_a_weak_secret_without_repeating_it(self, value: str, problem: str) -> None:
        env = Environment({"A": value})
        env.secret("A")
        assert env.problems == [f"A {problem}"]
        assert value not in str(env.problems)

    @pytest.mark.parametrize("value", ["sk-проверка", "sk-two words", "sk-line\nfeed"])
    def test_refuses_a_key_that_fits_into_no_header(self, value: str) -> None:
        env = Environment({"A": value})
        assert env.key("A") == ""
        assert env.problems == ["A has a character that no key has: copy it again"]

    def test_needs_no_key(self) -> None:
        env = Environment({"A": "sk-proj_0123"})
        assert (env.key("A"), env.key("B"), env.problems) == ("sk-proj_0123", "", [])

    @pytest.mark.parametrize(
        "value",
        [
            *("api.openai.com/v1", "ftp://one.example/v1", "https://", "https://[::1/v1"),
            *(
                "https://one.example:0/v1",
                "https://..example/v1",
                "https://o<>ne.example",
                "https://" + "a" * 64,
            ),
            *("https://one\u00a0.example/v1", "https://one.exam\tple/v1", "https://one.example/\x01v1"),
            *("https://one.example:port/v1", "https://one.example:65536/v1", "https://one .example/v1"),
            *(
                "https://one.example/v1?key=1",
                "https://one.example/v1#here",
                "https://ann:pass@one.example/v1",
            ),
        ],
    )
    def test_refuses_an_address_to_which_no_path_can_be_added(self, value: str) -> None:
        env = Environment({"A": value})
        assert env.address("A", "https://two.example/v1") == "https://two.example/v1"
        assert env.problems == ["A must be a base address such as https://two.example/v1"]

    @pytest.mark.parametrize(
        "value",
        [
            "http://127.0.0.1:8000/v1",
            "https://[::1]:1/v1/",
            "https://one.example",
            "http://model_server:8080/v1",
        ],
    )
    def test_reads_an_address(self, value: str) -> None:
        env = Environment({"A": value})
        assert (env.address("A", "https://two.example"), env.problems) == (value, [])


class TestAddresses:
    def test_reads_a_database_url(self) -> None:
        found = addresses.database_from_url(
            "postgresql://ann:p%40ss@db.school.invalid:6432/coach?sslmode=require"
        )
        assert found == {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "coach",
            "USER": "ann",
            "PASSWORD": "p@ss",
            "HOST": "db.school.invalid",
            "PORT": "6432",
            "OPTIONS": {"sslmode": "require"},
        }

    @pytest.mark.parametrize("url", ["mysql://ann:hidden@db/coach", "postgresql://ann:hidden@db", "hidden"])
    def test_refuses_another_database_without_repeating_the_url(self, url: str) -> None:
        with pytest.raises(ValueError, match="it must look like") as refused:
            addresses.database_from_url(url)
        assert "hidden" not in str(refused.value)

    def test_numbers_the_databases_of_redis(self) -> None:
        assert addresses.redis_database("redis://:hidden@r:6379/0", 3) == "redis://:hidden@r:6379/3"

    def test_refuses_what_is_no_redis(self) -> None:
        with pytest.raises(ValueError, match="it must look like"):
            addresses.redis_database("http://r", 1)

    def test_knows_nothing_before_the_first_start(self, tmp_path: Path) -> None:
        assert addresses.remembered(tmp_path) == {}


class TestLocalSecret:
    def test_is_made_once_and_kept_private(self, tmp_path: Path) -> None:
        first = local_secrets.local_secret(tmp_path, "key")
        assert len(first) == 64
        assert local_secrets.local_secret(tmp_path, "key") == first
        assert (tmp_path / "secrets" / "key").stat().st_mode & 0o777 == 0o600
        assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["key"]

    def test_another_name_is_another_secret(self, tmp_path: Path) -> None:
        assert local_secrets.local_secret(tmp_path, "a") != local_secrets.local_secret(tmp_path, "b")


def start(
    environment: dict[str, str], then: str = "settings.SECRET_KEY; print('started')"
) -> subprocess.CompletedProcess[str]:
    """Load the settings that the environment names, in a process of their own."""
    command = python("-c", f"from django.conf import settings; {then}")
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)


class TestProduction:
    def test_starts_with_secrets_and_addresses_of_its_own(self) -> None:
        assert start(production_environment()).stdout == "started\n"

    def test_has_cookies_that_only_this_host_may_set_and_only_https_carries(self) -> None:
        names = "SESSION_COOKIE_NAME SESSION_COOKIE_SECURE SESSION_COOKIE_HTTPONLY SESSION_COOKIE_SAMESITE"
        names += " SESSION_COOKIE_DOMAIN SESSION_COOKIE_PATH CSRF_COOKIE_NAME CSRF_COOKIE_SECURE"
        printed = start(
            production_environment(), f"print(*(getattr(settings, n) for n in '{names}'.split()))"
        )
        assert printed.stdout == "__Host-sessionid True True Lax None / __Host-csrftoken True\n"

    def test_refuses_to_start_and_names_everything_that_is_missing(self) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        refused = start(
            {**kept, "DJANGO_SETTINGS_MODULE": "config.settings.production", "SECRET_KEY": "short"}
        )
        assert refused.returncode == 1
        assert [line for line in refused.stderr.splitlines() if line.startswith("- ")] == [
            "- SECRET_KEY is too short: it needs 32 characters",
            "- ALLOWED_HOSTS is missing",
            "- DATABASE_URL is missing",
            "- REDIS_URL is missing",
            "- nobody could sign in: set GOOGLE_CLIENT_ID or CLEVER_CLIENT_ID, or PASSWORD_SIGN_IN=yes",
        ]

    def test_refuses_an_example_secret(self) -> None:
        refused = start({**production_environment(), "SECRET_KEY": "your-secret-key-goes-here-0123456789"})
        assert "- SECRET_KEY looks like an example: make one of your own" in refused.stderr.splitlines()


class TestPinned:
    """What was measured to lose work when left at its default."""

    def test_jobs_survive_their_worker(self, settings: Any) -> None:
        assert settings.CELERY_TASK_ACKS_LATE is True
        assert settings.CELERY_TASK_REJECT_ON_WORKER_LOST is True
        assert settings.CELERY_WORKER_PREFETCH_MULTIPLIER == 1
        assert settings.CELERY_TASK_TIME_LIMIT == 300
        assert settings.CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT == 30
        assert settings.CELERY_VISIBILITY_TIMEOUT == 600
        assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] == 600
        assert settings.CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS["visibility_timeout"] == 600

    def test_a_restarted_database_is_noticed(self, settings: Any) -> None:
        assert settings.DATABASES["default"]["CONN_HEALTH_CHECKS"] is True
        assert settings.DATABASES["default"].get("ATOMIC_REQUESTS", False) is False

    def test_sessions_are_rows(self, settings: Any) -> None:
        assert settings.SESSION_ENGINE == "django.contrib.sessions.backends.db"
        assert settings.SESSION_COOKIE_AGE == 24 * 60 * 60
        assert settings.SESSION_COOKIE_SAMESITE == "Lax"

    def test_every_task_of_the_clock_exists(self, settings: Any) -> None:
        app.loader.import_default_modules()
        assert [t["task"] for t in settings.CELERY_BEAT_SCHEDULE.values() if t["task"] not in app.tasks] == []


class TestChecks:
    def test_the_suite_itself_passes(self) -> None:
        assert [message.id for message in checks.run_checks() if message.is_serious()] == []

    def test_an_unknown_model_is_named(self, settings: Any) -> None:
        settings.CHAT_MODEL = "coaching.providers.nowhere.Nobody"
        assert [message.id for message in models_exist(None)] == ["sideline.E001"]

    def test_a_job_that_outlives_its_message_is_noticed(self, settings: Any) -> None:
        settings.CELERY_VISIBILITY_TIMEOUT = settings.CELERY_TASK_TIME_LIMIT
        assert [message.id for message in jobs_outlive_no_visibility(None)] == ["sideline.E002"]

    def test_a_body_limit_only_widens(self, settings: Any) -> None:
        settings.REQUEST_BODY_LIMITS = {"/admin/": 1}
        assert [message.id for message in body_limits_only_widen(None)] == ["sideline.E003"]

    def test_open_doors_are_named(self, settings: Any) -> None:
        settings.DEBUG = True
        settings.ALLOWED_HOSTS = ["*"]
        settings.OPENAI_API_KEY = "sk"
        settings.OPENAI_BASE_URL = "http://models.invalid/v1"
        assert [m.id for m in nothing_is_left_open(None)] == [
            "sideline.W001",
            "sideline.W002",
            "sideline.W003",
        ]

    def test_a_provider_on_this_machine_may_be_plain(self, settings: Any) -> None:
        settings.OPENAI_API_KEY = "sk"
        settings.OPENAI_BASE_URL = "http://127.0.0.1:9000/v1"
        assert nothing_is_left_open(None) == []

    def test_a_provider_of_sign_in_in_the_open_is_named(self, settings: Any) -> None:
        google, clever = (settings.SOCIALACCOUNT_PROVIDERS[name] for name in ("google", "clever"))
        client = [{"client_id": "a", "secret": "b"}]
        settings.SOCIALACCOUNT_PROVIDERS = {
            "google": {**google, "APPS": client, "TOKEN_URL": "http://127.0.0.1:9/token"},
            "clever": {**clever, "APPS": [], "TOKEN_URL": "http://127.0.0.1:9/token"},
        }
        assert [found.msg.partition(" is ")[0] for found in providers_are_asked_in_private(None)] == [
            "TOKEN_URL of google"
        ]
        settings.SOCIALACCOUNT_PROVIDERS = {"google": {**google, "APPS": client}}
        assert providers_are_asked_in_private(None) == []

    def test_a_proxy_whose_address_everybody_would_have_is_named(self, settings: Any) -> None:
        settings.BEHIND_PROXY = True
        assert [message.id for message in people_have_addresses(None)] == ["sideline.W005"]
        settings.TRUSTED_PROXIES = 1
        assert people_have_addresses(None) == []


class TestSignIn:
    def test_a_client_needs_its_secret(self) -> None:
        environment = Environment(
            {"GOOGLE_CLIENT_ID": "a", "CLEVER_CLIENT_ID": "b", "CLEVER_CLIENT_SECRET": "c"}
        )
        found = sign_in.providers(environment)
        assert found["clever"]["APPS"] == [{"client_id": "b", "secret": "c"}]
        assert environment.problems == ["GOOGLE_CLIENT_SECRET is missing"]

    def test_production_takes_passwords_only_when_told_to(self) -> None:
        environment = production_environment()
        command = python("-c", "from django.conf import settings; print(settings.PASSWORD_SIGN_IN)")
        said = [
            subprocess.run(
                command, env={**environment, **more}, cwd=ROOT, capture_output=True, text=True, check=True
            ).stdout
            for more in ({}, {"PASSWORD_SIGN_IN": "yes"})
        ]
        assert said == ["False\n", "True\n"]
