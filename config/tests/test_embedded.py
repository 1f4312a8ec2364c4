"""The embedded services: made, shared, killed and started again, with nothing lost."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from config import addresses, ports
from config.embedded import Embedded

pytestmark = pytest.mark.processes


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Embedded]:
    """Services of this test's own, running."""
    tmp_path.chmod(0o755)
    embedded = Embedded(tmp_path / "data", expendable=True)
    embedded.start()
    yield embedded
    embedded.stop()


def remember(embedded: Embedded) -> None:
    """Write something down in both."""
    with psycopg.connect(embedded.postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'yes' AS answer, '[1,2,3]'::vector AS embedding")
    with embedded.redis.client() as client:
        client.set("kept", "yes")
        client.execute_command("CONFIG", "SET", "appendfsync", "always")
        client.set("kept", "yes")


def remembered(embedded: Embedded) -> tuple[object, object]:
    """Return what both remember."""
    with psycopg.connect(embedded.postgres.url()) as connection:
        row = connection.execute("SELECT answer FROM kept").fetchone()
    with embedded.redis.client() as client:
        return row and row[0], client.get("kept")


def test_a_second_start_finds_the_same_data_at_the_same_address(services: Embedded) -> None:
    remember(services)
    first = addresses.remembered(services.home)
    services.stop()
    assert not services.postgres.is_running()
    assert not services.redis.is_running()
    assert services.start() == first
    assert remembered(services) == ("yes", b"yes")


def test_killed_services_come_back_with_what_they_knew(services: Embedded) -> None:
    remember(services)
    postmaster = services.home / "postgres" / "postmaster.pid"
    pids = int(postmaster.read_text().splitlines()[0]), services.redis.process_id()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=20)
    # The number of the dead server may belong to anybody by now: to us, say.
    lines = [str(os.getpid()), *postmaster.read_text().splitlines()[1:]]
    postmaster.write_text("\n".join(lines))
    services.start()
    assert remembered(services) == ("yes", b"yes")


def test_the_last_one_out_stops_them(services: Embedded) -> None:
    other = Embedded(services.home, expendable=True)
    assert other.start() == addresses.remembered(services.home)
    other.stop()
    assert services.postgres.is_running()
    assert services.redis.is_running()


def test_strangers_are_refused(services: Embedded) -> None:
    stranger = services.postgres.url().replace("//sideline:", "//sideline:x")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(stranger)
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(f"postgresql://sideline@127.0.0.1:{services.postgres.port}/sideline")


def test_a_port_that_was_taken_meanwhile_is_given_up() -> None:
    taken = ports.free_port()
    assert ports.free_port(taken) == taken


def test_addresses_are_for_their_owner_only(services: Embedded) -> None:
    assert (services.home / "services.json").stat().st_mode & 0o777 == 0o600
    assert (services.home / "redis" / "redis.conf").stat().st_mode & 0o777 == 0o600
