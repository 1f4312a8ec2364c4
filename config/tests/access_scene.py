"""The scene of the access matrix: everything that an address can name, at home, and everybody who may ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from accounts import audit, data_requests, invitations, tokens
from accounts.access import organization_of
from accounts.entry_models import Invitation, SignedIn
from accounts.lifecycle_models import AccountExport
from accounts.models import User
from accounts.scopes import Scope
from accounts.tests.cast import Cast
from accounts.tests.factories import UserFactory
from config.tests.conftest import add_library
from config.tests.every_route import routes
from conversations import giving_feedback, organizing
from conversations.models import Conversation, Feedback
from conversations.outward import Export, ShareLink
from conversations.tests.factories import add, begin, citation
from conversations.tests.links import make
from knowledge.models import Document

PEOPLE = (
    "anonymous",
    "owner",
    "educator",
    "coach",
    "other_coach",
    "admin",
    "away_owner",
    "away_coach",
    "away_other_coach",
    "away_admin",
    "deactivated",
)
"""The columns of the matrix; those at home come first, the owner is the one whose things are asked for."""


@dataclass(frozen=True)
class Scene:
    """Who may ask, and for what: the address of each route, naming things of the owner or of the home organization."""

    people: Mapping[str, User | None]
    addresses: Mapping[str, str]
    """By the pattern of the route."""
    nobodys: Mapping[str, str]
    """The same, naming things that do not exist."""


def everybody(cast: Cast) -> dict[str, User | None]:
    """Return the cast by the columns of the matrix; the deactivated one was the owner's coach once."""
    home, away = cast.home, cast.away
    return {
        "anonymous": None,
        "owner": home.owner,
        "educator": UserFactory.create(organization=home.organization, name="Eda Reed"),
        "coach": home.coach,
        "other_coach": home.other_coach,
        "admin": home.admin,
        "away_owner": away.owner,
        "away_coach": away.coach,
        "away_other_coach": away.other_coach,
        "away_admin": away.admin,
        "deactivated": UserFactory.create(organization=home.organization, coach=True, name="Dan Gone"),
    }


def build_scene(cast: Cast, *, visibility: str = Conversation.Visibility.COACHED) -> Scene:
    """Give the owner one of everything."""
    people = everybody(cast)
    known = {**_of_conversation(cast.home.owner, visibility), **_of_account(cast)}
    add_library(cast.home)
    document = Document.objects.get(title="The Team Handbook")
    known |= {"document_id": document.pk, "version_id": document.versions.get().pk, "index": 0}
    addresses = {route.pattern: route.address for route in routes(known)}
    addresses |= _of_dashboard(cast, known) | _of_second_thoughts(people)
    return Scene(people, addresses, {route.pattern: route.address for route in routes()})


def _of_conversation(owner: User, visibility: str) -> dict[str, Any]:
    now = timezone.now()
    conversation = begin(owner, visibility=visibility)
    add(conversation, "How do we begin?", by="client", sender=owner)
    answer = add(conversation, "With one question [1].", citations=[citation()])
    giving_feedback.give(member=owner, message_id=answer.pk, score=-1, reasons=["other"], comment="Too short")
    token = make(owner, conversation)
    export = Export.objects.create(
        organization=organization_of(owner),
        requested_by=owner,
        kind=Export.Kind.OWN,
        format=Export.Format.CSV,
        state=Export.State.READY,
        files=[{"name": "messages.csv", "path": _stored("exports"), "rows": 1, "sha256": "0" * 64}],
        created_at=now,
        finished_at=now,
        expires_at=now + timedelta(days=1),
    )
    return {
        "conversation_id": conversation.pk,
        "message_id": answer.pk,
        "feedback_id": Feedback.objects.get(message=answer).pk,
        "link_id": ShareLink.objects.get(conversation=conversation).pk,
        "export_id": export.pk,
        "name": "messages.csv",
        "shared": token,
    }


def _of_account(cast: Cast) -> dict[str, Any]:
    owner, now = cast.home.owner, timezone.now()
    browser = Client()
    browser.force_login(owner)
    browser.get("/settings/")
    key = tokens.issue(owner=owner, name="A program", scopes=[Scope.READ], days=7, now=now)
    account_export = AccountExport.objects.create(
        person=owner, state="ready", file=_stored("account-exports"), expires_at=now + timedelta(days=1)
    )
    return {
        "signed_in_id": SignedIn.objects.get(user=owner).pk,
        "token_id": key.token.pk,
        "person_id": owner.pk,
        "object_id": owner.pk,
        "account_export": account_export.pk,
    }


def _of_second_thoughts(people: Mapping[str, User | None]) -> dict[str, str]:
    """Return the addresses that take something back: a deletion by the owner, and an erasure by the administrator.

    The educator has asked to be erased too, and may stay.
    """
    owner, educator, admin, gone = (people[name] for name in ("owner", "educator", "admin", "deactivated"))
    assert owner is not None
    assert educator is not None
    assert admin is not None
    assert gone is not None
    now = timezone.now()
    deleted = begin(owner)
    organizing.delete(member=owner, conversation_id=deleted.pk, now=now)
    data_requests.ask_for_erasure(actor=educator, person=educator, now=now)
    data_requests.ask_for_erasure(actor=admin, person=gone, now=now)
    return {
        "conversations/<uuid:conversation_id>/restore/": f"/conversations/{deleted.pk}/restore/",
        "api/v1/conversations/<uuid:conversation_id>/restore": f"/api/v1/conversations/{deleted.pk}/restore",
        "admin/accounts/user/<uuid:person_id>/stay/": f"/admin/accounts/user/{gone.pk}/stay/",
    }


def _of_dashboard(cast: Cast, known: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses whose parameter has the name of others and means something else."""
    home, now = cast.home, timezone.now()
    domain = home.organization.domains.create(domain="riverside.example", verified_at=now)
    invitation = invitations.invite(
        actor=home.admin,
        organization=home.organization,
        email="new@riverside.example",
        role="educator",
        team=home.team,
        now=now,
    )
    event = audit.record(actor=home.owner, action="conversation.read", resource="conversation:x")
    objects = {
        "accounts/team": home.team.pk,
        "accounts/organization": home.organization.pk,
        "accounts/auditevent": event.pk,
        "accounts/invitation": invitation.pk,
        "accounts/organizationdomain": domain.pk,
    }
    found = {
        "settings/your-data/export/<uuid:export_id>/": f"/settings/your-data/export/{known['account_export']}/",
        "s/<str:token>/": f"/s/{known['shared']}/",
        "join/<str:token>/": f"/join/{invitations.token_of(Invitation.objects.get(pk=invitation.pk))}/",
    }
    named = {"invitation_id": invitation.pk, "domain_id": domain.pk, "team_id": home.team.pk}
    found |= {
        route.pattern: route.address
        for route in routes({**known, **named})
        if any(f":{name}>" in route.pattern for name in named)
    }
    for folder, key in objects.items():
        for route in routes({**known, "object_id": key}):
            if route.pattern.startswith(f"admin/{folder}/"):
                found[route.pattern] = route.address
    return found


def _stored(folder: str) -> str:
    return default_storage.save(f"{folder}/scene.bin", ContentFile(b"what the owner had made"))
