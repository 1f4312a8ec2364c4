"""A program that calls the API with a key, as tests speak of it."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts import tokens
from accounts.entry_models import OutgoingMail
from accounts.models import User
from accounts.scopes import offered_to


def key_of(person: User, *scopes: str) -> str:
    """Return a new key of a person; without scopes one that opens all that the person may do."""
    chosen = scopes or offered_to(person.role)
    issued = tokens.issue(owner=person, name="A program", scopes=chosen, days=7, now=timezone.now())
    # That its owner hears of it is a story of its own; in the others only their own mails are counted.
    OutgoingMail.objects.filter(kind=tokens.MAIL, about=issued.token.pk).delete()
    return issued.secret


@dataclass
class Reply:
    """What was answered."""

    status: int
    data: Any
    error: dict[str, Any] | None
    meta: dict[str, Any]
    headers: Any

    @property
    def code(self) -> str:
        """The code of a refusal."""
        return self.error["code"] if self.error else ""


@dataclass
class Api:
    """Calls the API as the holder of a key; without one, as nobody."""

    key: str = ""
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Call an operation and return its reply; `idempotency_key="…"` names a header."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        if self.key:
            named.setdefault("Authorization", f"Bearer {self.key}")
        content: dict[str, Any] = (
            {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        )
        response = self.client.generic(method, f"/api/v1/{path}", headers=named, **content)
        return read(response)

    def upload(self, path: str, fields: dict[str, Any], **headers: str) -> Reply:
        """Hand in a form with files."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        response = self.client.post(
            f"/api/v1/{path}", fields, headers={"Authorization": f"Bearer {self.key}", **named}
        )
        return read(response)


def read(response: Any) -> Reply:
    """Return a response with its envelope opened."""
    body = json.loads(response.content)
    assert set(body) == {"data", "error", "meta"}
    assert body["data"] is None or body["error"] is None
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "private, no-store"
    return Reply(response.status_code, body["data"], body["error"], body["meta"], response.headers)


def as_program(person: User, *scopes: str) -> Api:
    """Return a program with a key of a person."""
    return Api(key_of(person, *scopes))
