"""A whole journey in which every word that a person can write is a canary: none of them sings in the log."""

import http.client
import json
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from accounts.models import User
from accounts.tests.cast import House, build_cast
from accounts.tests.waiting import until
from config.tests.socket_client import tab
from config.tests.stack import Stack
from conversations.models import Conversation, Interaction, Message
from conversations.tests.factories import begin
from knowledge.models import DocumentVersion

CANARY = "kanarienvogel"
FORGED = f'{CANARY}"}}\n{{"level":"critical","message":"{CANARY} forged"}}\r\n{CANARY}\u2028{CANARY}'
"""Words that try to end their line and begin one of their own."""
TOKEN = "c" * 32

pytestmark = pytest.mark.processes


class Person:
    """Somebody's browser, without one."""

    def __init__(self, stack: Stack, member: User | None) -> None:
        self.stack = stack
        self.cookies = f"csrftoken={TOKEN}"
        if member is not None:
            client = Client()
            client.force_login(member)
            self.cookies += f"; sessionid={client.cookies['sessionid'].value}"

    def get(self, address: str, **headers: str) -> int:
        """Get an address and return the status."""
        return self._ask("GET", address, b"", headers)

    def post(self, address: str, **form: str) -> int:
        """Send a form and return the status."""
        body = urlencode({"csrfmiddlewaretoken": TOKEN, **form}).encode()
        return self._ask("POST", address, body, {"Content-Type": "application/x-www-form-urlencoded"})

    def upload(self, address: str, name: str, content: bytes) -> int:
        """Hand a file in and return the status."""
        line = b"--boundary\r\nContent-Disposition: form-data; name="
        quoted = name.replace('"', "%22").replace("\n", "%0A").replace("\r", "%0D").encode()
        body = b"".join(
            (
                *(line + b'"csrfmiddlewaretoken"\r\n\r\n', TOKEN.encode(), b"\r\n"),
                *(line + b'"keeper"\r\n\r\nshared\r\n',),
                *(line + b'"documents"; filename="', quoted, b'"\r\n\r\n', content, b"\r\n--boundary--\r\n"),
            )
        )
        return self._ask("POST", address, body, {"Content-Type": "multipart/form-data; boundary=boundary"})

    def _ask(self, method: str, address: str, body: bytes, headers: dict[str, str]) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=30)
        always = {"Cookie": self.cookies, "Origin": self.stack.url, "User-Agent": f"{CANARY}/1.0"}
        connection.request(method, address, body, {**always, **headers})
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status


def read_since(stack: Stack, before: dict[str, int]) -> list[tuple[str, str]]:
    """Return every line that the processes have written since then, with the name of its process."""
    lines = []
    for name in ("web", "worker"):
        text = (stack.logs / f"{name}.log").read_bytes()[before[name] :].decode()
        lines += [(name, line) for line in text.split("\n") if line]
    return lines


def sizes(stack: Stack) -> dict[str, int]:
    """Return how long the logs are now."""
    return {name: (stack.logs / f"{name}.log").stat().st_size for name in ("web", "worker")}


async def talk(stack: Stack, house: House, conversation_id: UUID) -> None:
    """Say canaries over the socket, in good frames and in broken ones."""
    async with tab(stack, house.owner, conversation_id) as window:
        await window.acknowledged(await window.say(f"How do we begin? {FORGED}"))
        await window.answer()
        key = uuid4()
        await window.say(FORGED, key)
        await window.acknowledged(key)
        await window.answer()
        await window.say(f"another text {FORGED}", key)
        assert (await window.refused())["code"] == "key_reused"
        for broken in (FORGED, json.dumps({"type": CANARY}), json.dumps({"type": "say", "text": FORGED})):
            await window.send(broken)
            assert (await window.refused())["code"] == "malformed"


def write_everywhere(stack: Stack, house: House, conversation_id: UUID) -> None:
    """Put canaries into every field, file and header of the pages."""
    owner, coach, nobody = (Person(stack, who) for who in (house.owner, house.coach, None))
    here = f"/conversations/{conversation_id}/"
    reply = Message.objects.filter(conversation_id=conversation_id, sender_type="ai").latest("sequence")
    assert nobody.post("/accounts/login/", login=f"{CANARY}@example.org", password=FORGED) == 200
    assert nobody.post("/accounts/password/reset/", email=f"{CANARY}@example.org") == 302
    assert owner.post("/settings/", name=FORGED, theme="dark") in {200, 302}
    assert owner.post("/settings/", name=CANARY, theme="dark") == 302
    assert owner.post(f"{here}title/", title=f"{CANARY} {FORGED}"[:190]) in {200, 302}
    assert owner.post(f"{here}say/", client_id=str(uuid4()), text=FORGED) == 302
    assert owner.post(f"{here}say/", client_id=CANARY, text=FORGED) == 302
    assert owner.post(f"{here}say/", client_id=str(uuid4()), text=CANARY * 2000) == 422
    assert owner.post("/conversations/", client_id=str(uuid4()), text=FORGED) == 302
    assert owner.post(f"/messages/{reply.pk}/feedback/", score="-1", comment=FORGED) in {200, 204, 302}
    assert owner.get(f"/?search={quote(FORGED)}") == 200
    assert owner.get(f"/{quote(FORGED)}/?q={quote(FORGED)}") == 404
    assert (
        owner.get("/", **{"X-Request-ID": CANARY, "Referer": f"http://{CANARY}/", "HX-Current-URL": CANARY})
        == 200
    )
    assert owner.get("/", Host=f"{CANARY}.example") == 400
    assert owner.post(f"{here}ask-for-coach/") in {200, 302}
    assert coach.post(f"/admin/queue/{conversation_id}/take-over/") == 302
    assert coach.post(f"/admin/queue/{conversation_id}/speak/", client_id=str(uuid4()), text=FORGED) == 302
    assert coach.post(f"/admin/queue/{conversation_id}/draft/", text=FORGED) == 200
    assert coach.post(f"/admin/queue/{conversation_id}/hand-back/") == 302
    for name, content in (("good.md", f"# {FORGED}\n\n{FORGED}"), ("broken.pdf", f"%PDF-1.7 {FORGED}")):
        status = coach.upload("/admin/knowledge/document/upload/", f"{FORGED} {name}", content.encode())
        assert status == 302


def nothing_is_left_to_do() -> bool:
    """Whether every turn is answered and every document read, or given up."""
    turns = Interaction.objects.filter(state__in=["waiting", "running"])
    documents = DocumentVersion.objects.filter(state__in=["waiting", "processing"])
    return not (turns.exists() or documents.exists())


async def test_no_word_of_a_person_is_in_a_line_and_every_line_is_whole(live_stack: Stack) -> None:
    before = sizes(live_stack)
    house = (await sync_to_async(build_cast)()).home
    conversation = await sync_to_async(begin)(house.owner)
    await talk(live_stack, house, conversation.pk)
    await sync_to_async(write_everywhere)(live_stack, house, conversation.pk)
    await sync_to_async(until)(nothing_is_left_to_do, "the end of all work")
    assert await Message.objects.filter(content__contains=CANARY).acount() > 4
    assert await Conversation.objects.filter(title__contains=CANARY).aexists()
    states = [row async for row in DocumentVersion.objects.order_by("state").values_list("state", flat=True)]
    assert states == ["failed", "ready"]

    lines = read_since(live_stack, before)
    assert len(lines) >= 20
    assert {name for name, _ in lines} == {"web", "worker"}
    assert [line for _, line in lines if CANARY in line.lower()] == []
    parsed: list[dict[str, Any]] = [json.loads(line) for _, line in lines]
    for found in parsed:
        assert {"at", "level", "logger", "message"} <= set(found)
        assert found["level"] != "critical"
    people = (
        house.owner.name,
        str(house.owner.email),
        str(house.coach.email),
        str(house.owner.pk),
        str(conversation.pk),
    )
    assert [line for _, line in lines if any(word in line for word in people)] == []
    assert {found["route"] for found in parsed if found["message"] == "request"} >= {
        "conversations/<uuid:conversation_id>/say/",
        "settings/",
        "",
    }
