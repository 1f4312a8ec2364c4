"""Who loses a session, the account, the role or the assignment loses the open sockets: through each door that can."""

import asyncio
from collections.abc import Mapping
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from django.urls import reverse
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from accounts.entry_models import SignedIn
from accounts.models import Team, TeamMembership, User
from config.tests.faults import Chat
from config.tests.socket_client import PATIENCE_SECONDS, Tab, session_of
from conversations import watch

pytestmark = pytest.mark.processes

SIGNED_OUT, NOT_FOUND = 4401, 4404


def page_of(thing: User | Team) -> str:
    """Return the address of the dashboard's form about a thing."""
    return reverse(f"admin:accounts_{thing._meta.model_name}_change", args=[thing.pk])


@sync_to_async
def send(member: User, address: str, form: Mapping[str, str]) -> None:
    """Send a form as a member who is signed in elsewhere; it is accepted."""
    client = Client()
    client.force_login(member)
    response = client.post(address, form)
    assert response.status_code == 302, response.content


@sync_to_async
def id_of(session: str) -> UUID:
    """Return under which id its owner sees a session."""
    return SignedIn.objects.get(session_id=session).pk


@sync_to_async
def noted(member: User) -> str:
    """Sign a member in, use the session once, and return its key."""
    client = Client()
    client.force_login(member)
    client.get("/")
    return str(client.cookies["sessionid"].value)


def form_of(person: User, **changes: str) -> dict[str, str]:
    """Return the form about a person as the dashboard sends it."""
    form = {"name": person.name, "email": person.email, "role": person.role, "is_active": "on", **changes}
    return {name: value for name, value in form.items() if value}


async def queue_closed_with(chat: Chat, coach: User) -> int | None:
    """Open a coach's queue, take the role away, and return how the server closes the socket."""
    async with connect(
        f"{chat.stack.websocket_url}/ws/queue/",
        additional_headers={"Cookie": f"sessionid={await session_of(coach)}"},
        origin=chat.stack.url,  # type: ignore[arg-type]
        proxy=None,
    ) as socket:
        assert "ready" in str(await socket.recv())
        await send(chat.house.admin, page_of(coach), form_of(coach, role="educator"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                while True:
                    await socket.recv()
            except ConnectionClosed:
                return socket.close_code


class TestTheSocketsOf:
    async def test_a_session_that_its_owner_ended_close_all_twenty(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        session = await noted(chat.house.owner)
        tabs = [Tab(chat.stack, conversation.pk, session) for _ in range(20)]
        await asyncio.gather(*(tab.open() for tab in tabs))
        async with chat.tab(conversation.pk) as other:
            address = reverse("end_session", args=[await id_of(session)])
            await send(chat.house.owner, address, {})
            assert await asyncio.gather(*(tab.closed() for tab in tabs)) == [SIGNED_OUT] * 20
            await other.send({"type": "hello", "sequence": 0})
            await other.hears("state", after=len(other.heard))

    async def test_a_deactivated_person_close(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.tab(conversation.pk) as page:
            owner = chat.house.owner
            await send(chat.house.admin, page_of(owner), form_of(owner, is_active=""))
            assert await page.closed() == SIGNED_OUT

    async def test_a_demoted_coach_close_in_conversation_and_queue(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        async with chat.tab(conversation.pk, chat.house.coach) as page:
            assert await queue_closed_with(chat, chat.house.coach) == NOT_FOUND
            assert await page.closed() == NOT_FOUND

    async def test_a_coach_whose_client_left_the_team_close(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        team = chat.house.team
        membership = await TeamMembership.objects.aget(team=team)
        form = {
            "name": team.name,
            "coach": str(chat.house.coach.pk),
            "memberships-TOTAL_FORMS": "1",
            "memberships-INITIAL_FORMS": "1",
            "memberships-0-id": str(membership.pk),
            "memberships-0-team": str(team.pk),
            "memberships-0-member": str(chat.house.owner.pk),
            "memberships-0-DELETE": "on",
        }
        async with chat.tab(conversation.pk) as owner, chat.tab(conversation.pk, chat.house.coach) as page:
            await send(chat.house.admin, page_of(team), form)
            assert await page.closed() == NOT_FOUND
            await owner.send({"type": "hello", "sequence": 0})
            await owner.hears("state", after=len(owner.heard))

    async def test_a_coach_who_lost_the_team_close(self, chat: Chat) -> None:
        conversation = await chat.conversation()
        team, membership = chat.house.team, await TeamMembership.objects.aget(team=chat.house.team)
        form = {
            "name": team.name,
            "coach": str(chat.house.other_coach.pk),
            "memberships-TOTAL_FORMS": "1",
            "memberships-INITIAL_FORMS": "1",
            "memberships-0-id": str(membership.pk),
            "memberships-0-team": str(team.pk),
            "memberships-0-member": str(chat.house.owner.pk),
        }
        async with chat.tab(conversation.pk, chat.house.coach) as page:
            await send(chat.house.admin, page_of(team), form)
            assert await page.closed() == NOT_FOUND


def test_every_socket_is_looked_at_within_five_seconds() -> None:
    assert watch.EVERY_SECONDS < 5
