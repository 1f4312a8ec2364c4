"""What every test stands on: a real PostgreSQL, the shared data, and for some a browser and real processes."""

import gc
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Playwright, sync_playwright
from pytest_django import DjangoDbBlocker

from config.embedded import Embedded
from config.embedded_redis import Redis
from config.tests.databases import fresh_database
from config.tests.stack import Stack, let_stacks_rest, running_stack

ROOT = Path(__file__).parent
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first that is there: the same engine without its windows takes 40 % less of the processor."""
pytest_plugins = ["accounts.tests.fixtures", "conversations.tests.fixtures", "config.tests.faults"]

LONG = ("processes", "browser", "races", "documents")
"""Marks of tests that take long."""
STACKS = {"stack_processes", "chat_stack", "faults_processes"}
"""Fixtures of processes that are at work from test to test; see `config/tests/stack.py`."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let long tests go first: no worker is left alone with one, and hardly two start the same processes."""

    def place(item: pytest.Item) -> tuple[bool, bool]:
        is_long = any(item.get_closest_marker(name) for name in LONG)
        # Those of the whole house walk through all of it.
        return not is_long, not item.path.is_relative_to(ROOT / "config")

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Look for garbage more rarely, and no more among what is there now: that stays to the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep nothing of what a test has said that passed: no one reads it, and it costs more to send than to write."""
    report = yield
    if report.passed:
        report.sections.clear()
    return report


def missing(what: str) -> None:
    """Skip the test for want of something, or fail it where everything must be there."""
    if IN_CI:
        pytest.fail(f"{what} (skipped on other machines, required here)", pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets beside the repository (`SHARED_DATA`, else `../shared/data`)."""
    folder = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}; set SHARED_DATA")
    return folder


@pytest.fixture(scope="session")
def run_name(request: pytest.FixtureRequest) -> str:
    """A name of this run and worker that no other has at the same time."""
    workerinput: dict[str, Any] = getattr(request.config, "workerinput", {})
    run = str(workerinput.get("testrunuid", os.getpid()))[:8]
    return f"{run}_{workerinput.get('workerid', 'single')}"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL server: `DATABASE_URL`, else the embedded one, shared by all workers."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield given
        return
    services = Embedded(Path(settings.SIDELINE_DATA), expendable=True)
    addresses = services.start(with_redis=False)
    yield addresses["DATABASE_URL"]
    services.stop()


@pytest.fixture(scope="session")
def database_url(
    postgres_url: str, run_name: str, django_test_environment: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    """The address of this worker's own database, migrated."""
    Path(settings.SIDELINE_DATA).mkdir(parents=True, exist_ok=True)
    fresh = fresh_database(postgres_url, root=ROOT, name=f"suite_{run_name}")
    # Between these two, only tests that say so have a database.
    with django_db_blocker.unblock():
        url = fresh.__enter__()
    yield url
    with django_db_blocker.unblock():
        fresh.__exit__(None, None, None)


@pytest.fixture(scope="session")
def django_db_setup(database_url: str) -> None:
    """Have the database ready; pytest-django asks for this."""


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A real Redis of this worker's own: `redis_server.url`; it may be stopped, killed and started."""
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """The address of an empty Redis."""
    redis_server.start(redis_server.port)
    with redis_server.client() as client:
        client.flushall()
    return redis_server.url


@pytest.fixture(autouse=True)
def _media(settings: Any, tmp_path: Path) -> None:
    """Give each test a media folder of its own."""
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture(autouse=True)
def _processes_rest(request: pytest.FixtureRequest) -> None:
    """Let the processes of other tests sweep nothing of this one's, and take none of its time."""
    if STACKS.isdisjoint(request.fixturenames):
        let_stacks_rest()


@pytest.fixture(scope="session")
def stack_processes(
    database_url: str, redis_server: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """One web process and one worker for the whole run; tests ask for `live_stack`."""
    folder = tmp_path_factory.mktemp("stack")
    with running_stack(
        database_url=database_url, redis_url=redis_server.url, media=folder / "media", logs=folder / "logs"
    ) as stack:
        yield stack


@pytest.fixture
def live_stack(
    transactional_db: None,
    redis_server: Redis,
    stack_processes: Stack,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Stack:
    """Real web and worker processes over this worker's database, ready; whatever a test killed is started again.

    See `config/tests/stack.py` for what can be done to them.
    """
    _share_with_processes(settings, monkeypatch, stack_processes)
    redis_server.start(redis_server.port)
    stack_processes.ensure_running()
    return stack_processes


@pytest.fixture
def start_stack(
    transactional_db: None,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Stack]]:
    """A function that starts processes with settings of the test's own: `start_stack(CHAT_MODEL="…")`."""
    with ExitStack() as running:

        def start(**environment: str) -> Stack:
            stack = running.enter_context(
                running_stack(
                    database_url=database_url,
                    redis_url=redis_url,
                    media=tmp_path / "media",
                    logs=tmp_path / "logs",
                    extra=environment,
                )
            )
            _share_with_processes(settings, monkeypatch, stack)
            return stack

        yield start


def _share_with_processes(settings: Any, monkeypatch: pytest.MonkeyPatch, stack: Stack) -> None:
    """Let the test see the files of the processes, and use the database while a browser is driven."""
    settings.MEDIA_ROOT = Path(stack.environment["MEDIA_ROOT"])
    # Playwright's synchronous interface runs an event loop, in which Django would refuse its database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Debian's browser."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        missing("no chromium: apt-get install chromium-headless-shell, or `make browser` as root")
    return found or ""


@pytest.fixture(scope="session")
def browser_type_launch_args(chromium: str) -> dict[str, Any]:
    """How pytest-playwright starts the browser: Debian's, offline and quiet."""
    quiet = [
        "--no-sandbox",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
    ]
    return {"executable_path": chromium, "args": quiet, "headless": True}


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    """What each page is: an English one with a fixed size and time zone."""
    return {
        "locale": "en-GB",
        "timezone_id": "UTC",
        "viewport": {"width": 1280, "height": 800},
        "reduced_motion": "reduce",
    }


@pytest.fixture(scope="module")
def playwright(database_url: str) -> Iterator[Playwright]:
    """Playwright for the tests of one module.

    Its synchronous interface keeps an event loop running while it lives, in which Django refuses its database and
    no other test could run a loop of its own: it must not outlive the module, as pytest-playwright's own would.
    """
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as running:
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright, browser_type_launch_args: dict[str, Any]) -> Iterator[Browser]:
    """Debian's browser, for the tests of one module."""
    launched = playwright.chromium.launch(**browser_type_launch_args)
    yield launched
    launched.close()


@pytest.fixture
def artefacts(request: pytest.FixtureRequest) -> Path:
    """The folder for this test's screenshots, kept by CI and ignored by git."""
    folder = ROOT / "artefacts" / str(request.node.name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
