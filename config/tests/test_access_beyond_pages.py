"""Who may do what beyond the pages: sockets with every frame, exports of every kind, commands of the shell."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser
from django.core.management import get_commands

from accounts.models import User
from accounts.tests.cast import Cast
from config.tests.access_scene import everybody
from config.tests.access_walk import Visitor, listed
from config.tests.every_route import NOBODY
from config.tests.house_rules import modules
from conftest import ROOT
from conversations import frames
from conversations.models import Conversation, Message
from conversations.outward import Export
from conversations.routing import websocket_urlpatterns
from conversations.tests.factories import add, begin

OURS = ("accounts", "config", "conversations", "knowledge", "coaching", "assessments")
MISSING = Conversation(pk=UUID(NOBODY))


def asked_for(table: Mapping[str, str]) -> dict[str, str]:
    """Return a section of the table by person."""
    return {name: result for names, result in table.items() for name in names.split()}


def every_frame(reply: Message | None) -> list[dict[str, Any]]:
    """Return one good frame of every kind."""
    message = str(reply.pk if reply else uuid4())
    return [
        {"type": "hello", "sequence": 0},
        {"type": "say", "client_id": str(uuid4()), "text": "I am your coach."},
        {"type": "stop"},
        {"type": "typing", "typing": True},
        {"type": "retry", "message": message},
    ]


def test_every_kind_of_frame_is_tried() -> None:
    kinds = frames.Frame.__args__
    assert {kind.__name__.lower() for kind in kinds} == {each["type"] for each in every_frame(None)}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("threads")
class TestSockets:
    async def visit(self, address: str, member: User | None, conversation: Conversation) -> str:
        """Open a socket and send every frame over it; return what it answered first, or how it was closed."""
        route = next(each for each in websocket_urlpatterns if str(each.pattern) == address)
        socket = WebsocketCommunicator(route.callback, "/ws/")
        socket.scope |= {
            "user": member or AnonymousUser(),
            "session": SimpleNamespace(session_key=str(uuid4())),
            "url_route": {"kwargs": {"conversation_id": conversation.pk}},
        }
        await socket.connect()
        heard = await socket.receive_output(timeout=10)
        if heard["type"] != "websocket.close":
            await socket.disconnect()
            return "open"
        for frame in every_frame(None):
            await socket.send_input({"type": "websocket.receive", "text": json.dumps(frame)})
        assert await socket.receive_nothing(timeout=0.05)
        await socket.disconnect()
        return str(heard["code"])

    @pytest.mark.parametrize("section", ["sockets", "private_sockets"])
    async def test_open_to_whom_the_table_says_and_to_others_as_to_nothing(
        self, cast: Cast, section: str
    ) -> None:
        people = await sync_to_async(everybody)(cast)
        people["deactivated"] = None  # as the session of somebody deactivated is read
        visibility = "private" if section.startswith("private") else "coached"
        conversation = await sync_to_async(begin)(cast.home.owner, visibility=visibility)
        await sync_to_async(add)(conversation, "Hello", by="client", sender=cast.home.owner)
        before = [row async for row in Message.objects.order_by("pk").values()]
        table = listed(section)
        assert set(table) == {str(each.pattern) for each in websocket_urlpatterns}
        for address, groups in table.items():
            expected = asked_for(groups)
            for name, member in people.items():
                found = await self.visit(address, member, conversation)
                assert found == expected.get(name, expected["others"]), (address, name, found)
                if found != "open":
                    assert await self.visit(address, member, MISSING) == found
        assert [row async for row in Message.objects.order_by("pk").values()] == before


@pytest.mark.usefixtures("one_connection")
def test_exports_are_made_for_whom_the_table_says(cast: Cast) -> None:
    table = listed("exports")
    assert set(table) == set(Export.Kind.values)
    people = everybody(cast)
    visitors = {name: Visitor(name, member) for name, member in people.items()}
    User.objects.filter(name=getattr(people["deactivated"], "name", "")).update(is_active=False)
    for kind, groups in table.items():
        expected = asked_for(groups)
        for name, visitor in visitors.items():
            Export.objects.all().delete()
            visitor.ask("POST", "/exports/ask/", **visitor.form({"kind": kind, "file_format": "csv"}))
            made = list(Export.objects.values_list("kind", "requested_by__name"))
            wanted = expected.get(name, expected["others"]) == "made"
            assert made == ([(kind, getattr(people[name], "name", ""))] if wanted else []), (kind, name)


def test_commands_are_for_whoever_has_the_shell_and_no_door_leads_to_them() -> None:
    ours = {name for name, app in get_commands().items() if str(app).partition(".")[0] in OURS}
    assert dict.fromkeys(ours, "shell") == listed("commands")
    doors = [each for each in modules(ROOT) if not each.is_test and "commands" not in each.path.parts]
    calling = [str(each.path) for each in doors if "call_command" in each.text]
    assert all(path.startswith("config/") for path in calling), calling
