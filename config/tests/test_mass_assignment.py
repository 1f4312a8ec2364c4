"""Fields that nobody is asked for, sent to every route that writes: nobody becomes more than they are."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from accounts.models import User
from accounts.tests.cast import Cast
from config.tests.access_scene import Scene, build_scene
from config.tests.access_walk import Visitor
from conversations.models import Conversation, Message

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_connection")]

WAITS_FOR_A_MODEL = "api/v1/conversations/<uuid:conversation_id>/messages"
"""What is sent there is answered at the end of a turn; the second test sends it something."""
ASKED_FOR = {
    "client_id": "",
    "text": "How do we go on?",
    "content": "How do we go on?",
    "title": "Our next step",
    "name": "Ada M.",
    "theme": "dark",
    "status": "archived",
    "visibility": "private",
    "score": "1",
    "email": "ada@riverside.example",
    "kind": "own",
    "file_format": "csv",
    "days": "7",
    "scopes": "read",
}
"""What the forms do ask for, so that they go through: a form that is refused proves nothing."""
MAY_GIVE_A_ROLE = {
    ("admin", "admin/accounts/user/<path:object_id>/change/"),
    ("admin", "api/v1/admin/users/<uuid:person_id>"),
}
"""Where a role is asked for: of the administrator of the same organization."""


def forged(cast: Cast) -> dict[str, str]:
    """Return the fields of somebody who would like to be more."""
    return {
        "role": "admin",
        "organization": str(cast.away.organization.pk),
        "organization_id": str(cast.away.organization.pk),
        "is_staff": "true",
        "is_superuser": "true",
        "is_active": "true",
        "owner": str(cast.home.other_coach.pk),
        "owner_id": str(cast.home.other_coach.pk),
        "user": str(cast.home.other_coach.pk),
        "user_id": str(cast.home.other_coach.pk),
        "coach": str(cast.home.other_coach.pk),
        "coach_id": str(cast.home.other_coach.pk),
        "sender": str(cast.home.coach.pk),
        "sender_id": str(cast.home.coach.pk),
        "sender_type": "human_coach",
        "owner_state": "coach",
        "epoch": "99",
        "id": str(uuid4()),
    }


def standings() -> dict[str, Any]:
    """Return of everybody and everything what decides who may do what."""
    return {
        "roles": set(User.objects.values_list("pk", "role")),
        "people": set(User.objects.values_list("pk", "organization_id", "is_superuser", "is_active")),
        "owners": set(Conversation.objects.values_list("pk", "owner_id", "organization_id", "coach_id")),
        "senders": set(Message.objects.values_list("pk", "conversation_id", "sender_type", "sender_id")),
    }


def wrongly_changed(visitor: Visitor, member: User, pattern: str, before: dict[str, Any]) -> list[str]:
    """Return what a request has made of people, conversations and messages that it may not have."""
    now = standings()
    wrong = [f"lost {what}" for what in ("people", "owners", "senders") if before[what] - now[what]]
    if now["roles"] != before["roles"] and (visitor.name, pattern) not in MAY_GIVE_A_ROLE:
        wrong.append("roles")
    if any(row[2] for row in now["people"] - before["people"]):
        wrong.append("a new superuser")
    for _pk, owner_id, organization_id, _coach_id in now["owners"] - before["owners"]:
        if (owner_id, organization_id) != (member.pk, member.organization_id):
            wrong.append("a conversation of somebody else")
    for _pk, _conversation_id, sender_type, sender_id in now["senders"] - before["senders"]:
        by_coach = sender_type == "human_coach" and not (member.is_coach and sender_id == member.pk)
        if by_coach or (sender_type == "client" and sender_id != member.pk):
            wrong.append(f"a message by {sender_type}")
    return wrong


def written_by(pattern: str) -> tuple[str, ...]:
    """Return the methods that may write at an address: pages know one."""
    if pattern == WAITS_FOR_A_MODEL:
        return ()
    return ("POST", "PUT", "PATCH") if pattern.startswith("api/") else ("POST",)


def sent(visitor: Visitor, method: str, address: str, fields: dict[str, str]) -> int:
    """Send the fields, as JSON to the API and as a form to a page; return the status."""
    fields = {**fields, "client_id": str(uuid4())}
    if address.startswith("/api/"):
        answer = visitor.ask(method, address, data=json.dumps(fields), content_type="application/json")
    else:
        answer = visitor.ask(method, address, **visitor.form(fields))
    return int(answer.status_code)


def test_fields_that_are_not_asked_for_make_nobody_more_than_they_are(cast: Cast) -> None:
    scene: Scene = build_scene(cast)
    fields = {**ASKED_FOR, **forged(cast)}
    wrong, went_through = [], set()
    before = standings()
    for name in ("owner", "educator", "coach", "admin", "away_admin"):
        member = scene.people[name]
        assert member is not None
        visitor = Visitor(name, member)
        for pattern, address in scene.addresses.items():
            for method in written_by(pattern):
                here = transaction.savepoint()
                status = sent(visitor, method, address, fields)
                if status < 400:
                    went_through.add((name, pattern))
                wrong += [
                    f"{name} {method} {pattern}: {what}"
                    for what in wrongly_changed(visitor, member, pattern, before)
                ]
                transaction.savepoint_rollback(here)
    assert wrong == []
    assert went_through >= {
        ("owner", "settings/"),
        ("owner", "conversations/"),
        ("owner", "conversations/<uuid:conversation_id>/say/"),
        ("owner", "conversations/<uuid:conversation_id>/title/"),
        ("admin", "admin/accounts/user/<path:object_id>/change/"),
    }


STRICT = ("role", "organization", "is_staff", "is_superuser", "owner", "sender_type")


@pytest.mark.parametrize("field", STRICT)
def test_the_api_says_of_such_a_field_that_it_does_not_know_it(cast: Cast, field: str) -> None:
    scene = build_scene(cast)
    visitor = Visitor("owner", cast.home.owner)
    value = forged(cast)[field]
    bodies: dict[str, tuple[str, dict[str, Any]]] = {
        "conversations": ("POST", {"title": "x"}),
        "conversations/<uuid:conversation_id>": ("PATCH", {"title": "x"}),
        "conversations/<uuid:conversation_id>/messages": ("POST", {"content": "Hello"}),
        "messages/<uuid:message_id>/feedback": ("POST", {"score": 1}),
    }
    before = standings()
    for pattern, (method, body) in bodies.items():
        address = scene.addresses[f"api/v1/{pattern}"]
        answer = visitor.ask(
            method, address, data=json.dumps({**body, field: value}), content_type="application/json"
        )
        assert answer.status_code in {400, 422}, (pattern, answer.status_code)
    assert standings() == before
