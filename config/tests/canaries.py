"""A word planted in everything that a person can write, be or have made, and the search for it in every store."""

import json
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialToken
from asgiref.sync import async_to_sync
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from redis import Redis as RedisClient

from accounts import quotas, tokens
from accounts.access import organization_of
from accounts.entry_models import Invitation, OutgoingMail, SignedIn
from accounts.lifecycle_models import AccountExport
from accounts.models import SavedReply, TeamMembership, User
from accounts.quotas import Kind
from accounts.scopes import Scope
from accounts.tests.api_caller import as_program
from accounts.tests.browsing import as_
from accounts.tests.cast import Cast
from coaching.models import PromptRun
from conversations import (
    analytics_views,
    exports,
    exports_work,
    giving_feedback,
    organizing,
    presence,
    sharing,
)
from conversations.models import Conversation, Message
from conversations.tests.factories import begin, say

CANARY = "zwergkanarie"
"""A word that no page, fixture or model would use."""


def answer(conversation: Conversation, text: str) -> Message:
    """Finish the reply to the last question."""
    reply = Message.objects.filter(conversation=conversation, sender_type="ai").latest("sequence")
    Message.objects.filter(pk=reply.pk).update(content=text, state="complete", completed_at=reply.created_at)
    return reply


def with_canaries(cast: Cast) -> Conversation:
    """Plant the canary in everything that Ada can write, be or have made."""
    ada = cast.home.owner
    User.objects.filter(pk=ada.pk).update(name=f"Ada {CANARY}", email=f"{CANARY}@riverside.example")
    ada.refresh_from_db()
    _through_the_dashboard(cast)
    conversation = begin(ada)
    say(ada, conversation, f"How do I tell {CANARY} of the plan?")
    reply = answer(conversation, f"Tell {CANARY} early [1].")
    Message.objects.filter(pk=reply.pk).update(
        citations=[{"number": 1, "title": CANARY, "quote": CANARY, "page_label": "4", "label": "verified"}],
        retrieval={"q": CANARY},
    )
    giving_feedback.give(member=ada, message_id=reply.pk, score=1, reasons=[], comment=f"{CANARY} helped")
    organizing.rename(member=ada, conversation_id=conversation.pk, title=f"On {CANARY}", now=timezone.now())
    PromptRun.objects.create(
        user=ada,
        organization=ada.organization,
        purpose="answer",
        provider="p",
        model="m",
        status="ok",
        request_id="of-a-request",
    )
    session = Client()
    session.force_login(ada)
    kept = session.session
    kept["deleted_conversation"] = CANARY
    kept.save()
    AccountExport.objects.create(
        person=ada,
        state="ready",
        file=default_storage.save(f"account-exports/{uuid4()}.zip", ContentFile(CANARY.encode())),
        expires_at=conversation.created_at + timedelta(days=1),
    )
    async_to_sync(presence.arrive)(conversation.pk, presence.Person("s1", ada.pk, ada.name, "client"))
    _with_ways_in(ada, str(kept.session_key))
    _taken_along(cast, conversation)
    quotas.take(member=ada, kind=Kind.AI_TURNS)
    analytics_views.refresh()
    return conversation


def _through_the_dashboard(cast: Cast) -> None:
    """Have the administrator save the page about Ada, and take her out of her team and into it again."""
    ada, team = cast.home.owner, cast.home.team
    browser = as_(cast.home.admin)
    person = {"name": f"{ada.name} Moss", "email": str(ada.email), "role": ada.role, "is_active": "on"}
    place = {"memberships-0-team": str(team.pk), "memberships-0-member": str(ada.pk)}
    whole = {"name": team.name, "coach": str(team.coach_id), "memberships-TOTAL_FORMS": "1", **place}
    was_there = {
        "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": str(TeamMembership.objects.get(member=ada).pk),
        "memberships-0-DELETE": "on",
    }
    for page, form in (
        (reverse("admin:accounts_user_change", args=[ada.pk]), person),
        (reverse("admin:accounts_team_change", args=[team.pk]), {**whole, **was_there}),
        (reverse("admin:accounts_team_change", args=[team.pk]), {**whole, "memberships-INITIAL_FORMS": "0"}),
    ):
        assert browser.post(page, form).status_code == 302
    assert TeamMembership.objects.filter(team=team, member=ada).exists()
    ada.refresh_from_db()


def through_the_api(cast: Cast) -> None:
    """Have the administrator's program change Ada and her team, in requests that may be sent again."""
    dora, ada, team = as_program(cast.home.admin), cast.home.owner, cast.home.team
    for path, body in (
        (f"users/{ada.pk}", {"name": f"{ada.name} of Riverside"}),
        (f"teams/{team.pk}", {"name": "Early starters", "member_ids": [str(ada.pk)]}),
    ):
        assert dora("PATCH", f"admin/{path}", body, idempotency_key=path).status == 200
    ada.refresh_from_db()


def _with_ways_in(ada: User, session_key: str) -> None:
    """Plant the canary in everything by which Ada comes in, and in what was sent to her."""
    now = ada.created_at
    SignedIn.objects.create(
        session_id=session_key, user=ada, device=CANARY, first_used_at=now, last_used_at=now
    )
    social = SocialAccount.objects.create(user=ada, provider="google", uid=CANARY, extra_data={"n": CANARY})
    SocialToken.objects.create(account=social, token=CANARY)
    Authenticator.objects.create(user=ada, type="totp", data={"secret": CANARY})
    EmailAddress.objects.create(user=ada, email=ada.email)
    tokens.issue(owner=ada, name=CANARY, scopes=[Scope.READ], days=30, now=now)
    OutgoingMail.objects.filter(kind=tokens.MAIL).delete()  # Of each kind of row there is one.
    SavedReply.objects.create(user=ada, key=CANARY, fingerprint="f", status=200, body=CANARY.encode())
    invitation = Invitation.objects.create(
        organization=organization_of(ada), email=str(ada.email), person=ada, state="accepted", expires_at=now
    )
    OutgoingMail.objects.create(
        kind="invitation",
        about=invitation.pk,
        recipient=str(ada.email).upper(),
        state="sent",
        due_at=now,
        sent_at=now,
    )


def _taken_along(cast: Cast, conversation: Conversation) -> None:
    """Have what Ada said shared and put into files: her own, and those of the coach's feedback."""
    ada, now = cast.home.owner, conversation.created_at
    sharing.make(member=ada, conversation_id=conversation.pk, now=now)
    for member, kind in ((ada, "own"), (cast.home.coach, "feedback")):
        export = exports.ask(member=member, wanted=exports.Wanted(kind, "jsonl"), now=now)
        exports_work.make(export_id=export.pk, clock=lambda: now)


def rows_with(word: str, *, only: str = "") -> list[str]:
    """Return the tables and views, of those named so, in which any column of any row holds the word."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor, include_views=True):
            if not table.startswith(only):
                continue
            whole_rows = f'SELECT count(*) FROM "{table}" AS each WHERE each::text ILIKE ANY (%s)'  # noqa: S608 -- names of our own tables
            # Bytes stand there as their hexadecimal digits.
            cursor.execute(whole_rows, [[f"%{word}%", f"%{word.encode().hex()}%"]])
            if cursor.fetchone()[0]:
                found.append(table)
    sessions = [each for each in Session.objects.all() if word in json.dumps(each.get_decoded())]
    return [*found, *(["sessions"] if sessions and not only else [])]


def files_with(word: str, folder: Path) -> list[str]:
    """Return the stored files that hold the word."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if word.encode() in path.read_bytes() or word in path.name]


def redis_with(word: str, url: str) -> list[str]:
    """Return the keys of every database of Redis that hold the word, or have it in their name."""
    found = []
    for number in range(5):
        client = RedisClient.from_url(url.rsplit("/", 1)[0] + f"/{number}")
        found += [
            key.decode() for key in client.scan_iter() if word.encode() in key + (client.dump(key) or b"")
        ]
        client.close()
    return found


def everywhere(word: str, *, redis_url: str, media: Path) -> dict[str, list[str]]:
    """Return where the word stands, by kind of store."""
    stores = {
        "database": rows_with(word),
        "files": files_with(word, media),
        "redis": redis_with(word, redis_url),
    }
    return {store: places for store, places in stores.items() if places}
