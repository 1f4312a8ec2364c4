"""The walk behind the access matrix: everybody asks every address in every way, and what comes back is compared."""

import logging
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection, transaction
from django.test import Client

from accounts.models import User
from accounts.tests.api_caller import key_of
from config.tests.access_scene import PEOPLE, Scene

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MATRIX = Path(__file__).parent / "access_matrix.toml"
NOT_FOUND = 404
BEFORE, AFTER = 40, 80
"""Characters that a failure shows of two answers, before and after the place where they part."""
REFUSED = frozenset({401, 403, NOT_FOUND, 405})
OPEN_BY_SECRET = frozenset({"s/<str:token>/", "join/<str:token>/"})
"""What a token in the address opens, for whoever holds it."""
OF_THE_VISIT = frozenset(
    {
        "django_session",
        "accounts_signedin",
        "accounts_apitoken",
        "accounts_auditevent",
    }
)
"""Tables in which asking alone may change a row: the session's, the key's last use, the record of a refusal."""
_VARYING = (
    re.compile(r'(name="csrfmiddlewaretoken" value=)"\w+"'),
    re.compile(r'("X-CSRFToken": ?|&quot;X-CSRFToken&quot;: ?&quot;)["\w]+'),
    re.compile(r'(nonce[="-]+)[\w+/=-]+"?'),
    re.compile(r'("timestamp":)"[^"]+"'),
    re.compile(r"(request_id\W+|Reference:? ?<?\w*>?)[\w-]{8,}"),
    re.compile(r"()[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"),
)
_OF_ONE_ANSWER = frozenset(
    {"X-Request-ID", "Content-Security-Policy", "Content-Length", "Expires", "RateLimit"}
)
_READING = ("SELECT", "SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")

Statuses = tuple[int, ...]


@dataclass
class Walk:
    """What was found: the answers of each route to each person, and what should not have been so."""

    before: Mapping[str, Counter[str]] = field(default_factory=dict)
    """Every row as it was, by table."""
    written: Mapping[str, int] = field(default_factory=dict)
    """How many rows were written so far, by table, what was undone included."""
    scene: str = ""
    """The savepoint at which everything is as it was built."""
    statuses: dict[str, dict[str, Statuses]] = field(default_factory=lambda: defaultdict(dict))
    telling: list[str] = field(default_factory=list)
    """Answers about what exists and is not theirs that differ from answers about what does not exist."""
    changed: list[str] = field(default_factory=list)
    """Refused requests after which something of the home organization was not as before."""


class Visitor:
    """One person with a session for the pages and a key for the API."""

    def __init__(self, name: str, member: User | None) -> None:
        self.name = name
        self.member = member
        self.browser = Client(raise_request_exception=False)
        self.key = ""
        if member is not None:
            self.browser.force_login(member)
            # The session is noted and renewed now, and not anew with each request that is undone.
            self.browser.get("/settings/")
            self.key = key_of(member)
        self.cookies = self.browser.cookies.output(header="", sep=";")
        self.session = self.browser.cookies.get(settings.SESSION_COOKIE_NAME)

    def ask(self, method: str, address: str, **content: Any) -> Any:
        """Return the answer to one request, of a browser as it was after signing in."""
        self.browser.cookies.clear()
        headers = {}
        if address.startswith("/api/") and self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        elif self.session is not None:
            self.browser.cookies[settings.SESSION_COOKIE_NAME] = self.session.value
        return self.browser.generic(method, address, headers=headers, **content)

    @staticmethod
    def form(fields: Mapping[str, str]) -> dict[str, str]:
        """Return a form as the content of a request."""
        return {"data": urlencode(fields), "content_type": "application/x-www-form-urlencoded"}


def walk(scene: Scene, *, strangers: frozenset[str] = frozenset()) -> Walk:
    """Let everybody ask everything; each request is undone, so that each finds the scene as it was built.

    Args:
        scene: who asks, and for what.
        strangers: who may not learn of anything whether it exists; those of another organization when not given.
    """
    # Thousands of lines about requests would be kept for a report that nobody reads.
    logging.disable()
    try:
        return _walked(scene, strangers)
    finally:
        logging.disable(logging.NOTSET)


def _walked(scene: Scene, strangers: frozenset[str]) -> Walk:
    found = Walk()
    visitors = [Visitor(name, member) for name, member in scene.people.items()]
    gone = scene.people.get("deactivated")
    if gone is not None:
        User.objects.filter(pk=gone.pk).update(is_active=False)
    found.before, found.written, found.scene = _all_rows(), _writes(), transaction.savepoint()
    strangers = strangers or frozenset(name for name in scene.people if name.startswith("away_"))
    for visitor in visitors:
        for pattern, address in scene.addresses.items():
            nobodys = scene.nobodys[pattern]
            is_named = address != nobodys and pattern not in OPEN_BY_SECRET
            unrelated = is_named and (visitor.member is None or visitor.name in strangers)
            answers = []
            for method in METHODS:
                answer = _asked_and_undone(visitor, method, address, found, unrelated)
                answers.append(answer.status)
                if is_named and (visitor.name in strangers or answer.status == NOT_FOUND):
                    other = _asked_and_undone(visitor, method, nobodys, found, unrelated)
                    if told := answer.unlike(other):
                        found.telling.append(f"{visitor.name} {method} {pattern}: {told}")
            found.statuses[pattern][visitor.name] = tuple(answers)
    return found


class Answer(NamedTuple):
    """One answer to one request for an address."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    address: str

    def unlike(self, other: "Answer") -> str:
        """Return where the two can be told from each other first, with a few words; nothing where nobody can."""
        mine, others = self._plain(), other._plain()
        if mine == others:
            return ""
        pairs = enumerate(zip_longest(mine, others))
        parted = next(place for place, (each, other_one) in pairs if each != other_one)
        shown = slice(max(0, parted - BEFORE), parted + AFTER)
        return f"{mine[shown]!r} not {others[shown]!r}"

    def _plain(self) -> str:
        """Return the status, the headers and the body without what differs between any two answers."""
        lines = [f"{name}: {self.headers[name]}" for name in sorted(set(self.headers) - _OF_ONE_ANSWER)]
        text = "\n".join([str(self.status), *lines, "", self.body.decode(errors="replace")])
        text = text.replace(self.address, "ADDRESS")
        for pattern in _VARYING:
            text = pattern.sub(r"\1…", text)
        return text


def _asked_and_undone(
    visitor: Visitor,
    method: str,
    address: str,
    found: Walk,
    unrelated: bool,
) -> Answer:
    """Ask and undo it; a refusal, and whatever somebody unrelated asks for, may have changed nothing."""
    watch = _Watch()
    with connection.execute_wrapper(watch):
        response = visitor.ask(method, address)
        # Reading it to its end closes a file that is sent.
        body = b"" if getattr(response, "is_async", False) else b"".join(response)
    if watch.has_written:
        before, found.written = found.written, _writes()
        if unrelated or response.status_code in REFUSED:
            tables = [table for table, rows in found.written.items() if rows != before.get(table)]
            found.changed += [
                f"{visitor.name} {method} {address}: {table}"
                for table in tables
                if _rows(table) != found.before.get(table, Counter())
            ]
        transaction.savepoint_rollback(found.scene)
    return Answer(response.status_code, dict(response.headers), body, address)


class _Watch:
    """Notes whether anything but reading was asked of the database; settings for a transaction would outlast it."""

    has_written = False

    def __call__(self, execute: Any, statement: str, parameters: Any, many: bool, context: Any) -> Any:
        """Pass a statement on."""
        self.has_written |= not statement.lstrip().startswith(_READING) or "set_config(" in statement
        return execute(statement, parameters, many, context)


def _writes() -> dict[str, int]:
    """Return how many rows this transaction has written, by table, of those that asking alone may not change."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables "
            "WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 AND relname <> ALL(%s)",
            [sorted(OF_THE_VISIT)],
        )
        return dict(cursor.fetchall())


def _all_rows() -> dict[str, Counter[str]]:
    """Return every row of every table that asking alone may not change, as text."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    return {table: _rows(table) for table in sorted(set(tables) - OF_THE_VISIT)}


def _rows(table: str) -> Counter[str]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT each::text FROM "{table}" AS each')  # noqa: S608 -- a name of our own tables
        return Counter(row[0] for row in cursor.fetchall())


def expected() -> dict[str, dict[str, Statuses]]:
    """Return the checked-in table of addresses: the statuses of each person, by the pattern of the address."""
    return {route: _spread(groups) for route, groups in listed("routes").items()}


def listed(section: str) -> Any:
    """Return a section of the checked-in table as it is written."""
    return tomllib.loads(MATRIX.read_text(encoding="utf-8"))[section]


def _spread(groups: Mapping[str, str]) -> dict[str, Statuses]:
    """Return the statuses of each person; `others` are all that are not named."""
    named = {name: _statuses(text) for names, text in groups.items() for name in names.split()}
    rest = named.pop("others", ())
    return {name: named.get(name, rest) for name in PEOPLE}


def _statuses(text: str) -> Statuses:
    """Return five statuses; one alone stands for all."""
    given = tuple(int(status) for status in text.split())
    return given * len(METHODS) if len(given) == 1 else given


def line(route: str, statuses: Mapping[str, Statuses]) -> str:
    """Return the line of a route as it stands in the table."""
    groups: dict[Statuses, list[str]] = defaultdict(list)
    for name in PEOPLE:
        groups[statuses[name]].append(name)
    most = max(groups, key=lambda each: len(groups[each]))
    told = {" ".join(names): _text(each) for each, names in groups.items() if each != most}
    told["others"] = _text(most)
    inside = ", ".join(f'{_name(names)} = "{text}"' for names, text in told.items())
    return f"{_quoted(route)} = {{ {inside} }}"


def _text(statuses: Statuses) -> str:
    return str(statuses[0]) if len(set(statuses)) == 1 else " ".join(str(each) for each in statuses)


def _name(names: str) -> str:
    return names if " " not in names else f'"{names}"'


def _quoted(route: str) -> str:
    return f"'{route}'"
