"""Who may ask for what: every address, for everybody, in every way, against a table that a person has read."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from django.http import HttpResponse, HttpResponseNotFound

from accounts.tests.cast import Cast
from config.tests.access_scene import PEOPLE, Scene, build_scene
from config.tests.access_walk import METHODS, REFUSED, Statuses, Visitor, expected, line, listed, walk
from conversations.models import Conversation

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_connection")]

NEARBY = frozenset({"educator", "coach", "other_coach", "admin"})
"""Who is of the owner's organization, and not the owner."""
OF_A_CONVERSATION = ("<uuid:conversation_id>", "<uuid:message_id>")


def differences(found: Mapping[str, Mapping[str, Statuses]]) -> list[str]:
    """Return what the table has and nobody found, and the lines that it would need for what was found."""
    table = expected()
    gone = [f"no such address: {route}" for route in table if route not in found]
    unknown: dict[str, Statuses] = dict.fromkeys(PEOPLE, ())
    whole = {route: {**table.get(route, unknown), **people} for route, people in found.items()}
    return gone + [line(route, people) for route, people in whole.items() if table.get(route) != people]


def narrowed(scene: Scene, people: frozenset[str], parts: tuple[str, ...]) -> Scene:
    """Return the scene with some of the people, and the addresses whose pattern has one of the parts."""
    return replace(
        scene,
        people={name: member for name, member in scene.people.items() if name in people},
        addresses={
            pattern: address
            for pattern, address in scene.addresses.items()
            if any(part in pattern for part in parts)
        },
    )


@pytest.mark.parametrize("people", [PEOPLE[:6], PEOPLE[6:]], ids=["at-home", "away-or-gone"])
def test_everybody_gets_of_every_address_what_the_table_says(
    people: tuple[str, ...], cast: Cast, settings: Any
) -> None:
    settings.ACCOUNT_RATE_LIMITS = False  # the walk asks more often than a person
    found = walk(narrowed(build_scene(cast), frozenset(people), ("",)))
    assert differences(found.statuses) == []
    assert found.telling == []
    assert found.changed == []


def test_of_a_private_conversation_nobody_nearby_learns_that_it_exists(cast: Cast) -> None:
    scene = narrowed(build_scene(cast, visibility="private"), NEARBY, OF_A_CONVERSATION)
    found = walk(scene, strangers=NEARBY)
    assert len(found.statuses) > 25
    assert found.telling == []
    assert found.changed == []


def test_a_refusal_that_writes_all_the_same_is_noticed(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    route = "conversations/<uuid:conversation_id>/title/"
    scene = narrowed(build_scene(cast), frozenset({"educator"}), (route,))

    def refuse(visitor: Visitor, method: str, address: str, **content: Any) -> HttpResponse:
        if (method, address) == ("PUT", scene.addresses[route]):
            Conversation.objects.filter(owner=cast.home.owner).update(title="Read by a stranger")
        return HttpResponseNotFound()

    monkeypatch.setattr(Visitor, "ask", refuse)
    address = scene.addresses[route]
    assert walk(scene).changed == [f"educator PUT {address}: conversations_conversation"]


def test_an_answer_that_tells_is_noticed_and_shown_from_where_it_does(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    route = "conversations/<uuid:conversation_id>/title/"
    scene = narrowed(build_scene(cast), frozenset({"away_owner"}), (route,))

    def refuse(visitor: Visitor, method: str, address: str, **content: Any) -> HttpResponse:
        is_there = (method, address) == ("PUT", scene.addresses[route])
        return HttpResponseNotFound(f"{'.' * 10_000}{'Yours' if is_there else 'Nothing'}{'.' * 10_000}")

    monkeypatch.setattr(Visitor, "ask", refuse)
    assert walk(scene).telling == [
        f"away_owner PUT {route}: '{'.' * 40}Yours{'.' * 75}' not '{'.' * 40}Nothing{'.' * 73}'"
    ]


def test_a_line_says_what_was_found_and_an_address_without_one_is_noticed() -> None:
    table = expected()
    route = "conversations/<uuid:conversation_id>/title/"
    assert line(route, table[route]) == f"'{route}' = {written(listed('routes')[route])}"
    found = {**table, "conversations/new-and-forgotten/": table[route]}
    assert differences(found) == [line("conversations/new-and-forgotten/", table[route])]
    opened = {**table[route], "away_owner": (200,) * len(METHODS)}
    assert differences({**table, route: opened}) == [line(route, opened)]
    assert 200 not in REFUSED


def written(groups: Mapping[str, str]) -> str:
    """Return the groups of a line as they stand in the table."""
    named = (f"{name}" if " " not in name else f'"{name}"' for name in groups)
    return (
        "{ "
        + ", ".join(f'{name} = "{text}"' for name, text in zip(named, groups.values(), strict=True))
        + " }"
    )
