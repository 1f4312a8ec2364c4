"""Twenty words planted where few may read, and everybody else looking for them everywhere: nobody finds one."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts import tokens
from accounts.access import organization_of
from accounts.lifecycle_models import AccountExport
from accounts.models import User
from accounts.scopes import Scope
from accounts.tests.cast import Cast
from config.tests.access_scene import Scene, build_scene
from config.tests.access_walk import Visitor
from conversations import giving_feedback, organizing, tasks
from conversations.models import Conversation, Message
from conversations.outward import Export
from conversations.tests.factories import add, begin, citation, say
from conversations.tests.links import make
from knowledge.tests.shelf import put

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_connection")]

STEM = "kanarie"
"""What all of them begin with, and what is searched for: a page may repeat what it was asked for."""
MOST_PAGES = 60
"""How many addresses one person follows."""
_LINK = re.compile(r'(?:href|src|hx-get|action)="(/[^"#]*)"')
_SEARCHES = (
    "/?search={}",
    "/?q={}",
    "/admin/accounts/user/?q={}",
    "/admin/accounts/team/?q={}",
    "/admin/accounts/auditevent/?q={}",
    "/admin/accounts/invitation/?q={}",
    "/admin/knowledge/document/?q={}",
    "/admin/search/?s={}",
    "/admin/feedback/?search={}",
    "/admin/queue/?q={}",
    "/api/v1/conversations?search={}",
    "/api/v1/search?q={}",
    "/api/v1/search?query={}",
    "/api/v1/documents?search={}",
    "/api/v1/admin/users?search={}",
    "/api/v1/admin/feedback?search={}",
)
_NOT_FOLLOWED = ("/accounts/logout", "/admin/logout", "/static/")


@dataclass
class Cage:
    """The canaries, each with the people who may hear it."""

    heard_by: dict[str, frozenset[str]] = field(default_factory=dict)

    def canary(self, *people: str) -> str:
        """Return a new word that only these people may read."""
        word = f"{STEM}{len(self.heard_by):02d}"
        self.heard_by[word] = frozenset(people)
        return word

    def heard(self, name: str, text: str) -> list[str]:
        """Return the words in a text that this person may not read."""
        return [word for word in set(re.findall(rf"{STEM}\d\d", text)) if name not in self.heard_by[word]]


def plant(cast: Cast) -> Cage:
    """Plant the words in what is private, in what is another's, in what was deleted and in what was not shared."""
    cage, home, away = Cage(), cast.home, cast.away
    _plant_private(cage, home.owner)
    _plant_shared(cage, home.owner)
    _plant_made(cage, home.owner)
    deleted = begin(home.owner)
    add(deleted, f"Forget {cage.canary()}", by="client", sender=home.owner)
    organizing.delete(member=home.owner, conversation_id=deleted.pk, now=timezone.now())
    theirs = begin(away.owner)
    add(theirs, f"Away {cage.canary('away_owner', 'away_coach')}", by="client", sender=away.owner)
    book = cage.canary("away_owner", "away_coach", "away_other_coach", "away_admin")
    put(away.organization, f"A passage on {book}", title=f"Book {book}")
    notes = cage.canary("other_coach", "admin")
    put(home.organization, f"My notes on {notes}", title=f"Notes {notes}", coach=home.other_coach)
    return cage


def _plant_private(cage: Cage, owner: User) -> None:
    private = begin(owner, visibility=Conversation.Visibility.PRIVATE)
    add(private, f"Between us {cage.canary('owner')}", by="client", sender=owner)
    reply = add(
        private,
        f"Yes {cage.canary('owner')} [1].",
        citations=[citation(title=cage.canary("owner"), quote=cage.canary("owner"))],
        retrieval={"question": cage.canary()},
    )
    organizing.rename(
        member=owner, conversation_id=private.pk, title=f"On {cage.canary('owner')}", now=timezone.now()
    )
    giving_feedback.give(
        member=owner, message_id=reply.pk, score=-1, reasons=["other"], comment=f"Not {cage.canary('owner')}"
    )
    Conversation.objects.filter(pk=private.pk).update(pseudonyms={"Tom": cage.canary("owner")})
    # A crisis calls the coach, who sees that somebody waits, and no word without the owner's consent.
    say(owner, private, f"I want to die, {cage.canary('owner')}")


def _plant_shared(cage: Cage, owner: User) -> None:
    """A conversation that the coach reads, and of which a link shows the beginning to anybody."""
    conversation = begin(owner)
    add(conversation, "This part is for everybody.", by="client", sender=owner)
    add(conversation, "So is this.")
    make(owner, conversation)
    add(conversation, f"Only us two: {cage.canary('owner', 'coach')}", by="client", sender=owner)
    reply = add(conversation, f"Of course: {cage.canary('owner', 'coach')}")
    organizing.rename(
        member=owner,
        conversation_id=conversation.pk,
        title=f"With {cage.canary('owner', 'coach')}",
        now=timezone.now(),
    )
    giving_feedback.give(
        member=owner,
        message_id=reply.pk,
        score=-1,
        reasons=["other"],
        comment=f"Rather {cage.canary('owner', 'coach')}",
    )


def _plant_made(cage: Cage, owner: User) -> None:
    """What the owner had made: a key, exports, an answer that is being written."""
    now = timezone.now()
    tokens.issue(owner=owner, name=f"For {cage.canary('owner')}", scopes=[Scope.READ], days=7, now=now)
    path = default_storage.save("exports/words.csv", ContentFile(cage.canary("owner").encode()))
    Export.objects.create(
        organization=organization_of(owner),
        requested_by=owner,
        kind=Export.Kind.OWN,
        format=Export.Format.CSV,
        state=Export.State.READY,
        files=[{"name": "messages.csv", "path": path, "rows": 1, "sha256": "0" * 64}],
        created_at=now,
        finished_at=now,
        expires_at=now + timedelta(days=1),
    )
    AccountExport.objects.create(
        person=owner,
        state="ready",
        file=default_storage.save("account-exports/all.zip", ContentFile(cage.canary("owner").encode())),
        expires_at=now + timedelta(days=1),
    )
    draft = begin(owner, visibility=Conversation.Visibility.PRIVATE)
    add(draft, "Are you there?", by="client", sender=owner)
    add(draft, f"I am writing {cage.canary('owner')}", state=Message.State.STREAMING)


def crawl(visitor: Visitor, starts: list[str]) -> Iterator[tuple[str, str]]:
    """Follow every link from the starts on; yield each address and what it answered, its headers too."""
    waiting, seen = deque(starts), set(starts)
    while waiting and len(seen) < MOST_PAGES + len(starts):
        address = waiting.popleft()
        answer = visitor.ask("GET", address)
        text = _words(answer)
        yield address, text
        for link in _LINK.findall(text):
            if link not in seen and not link.startswith(_NOT_FOLLOWED):
                seen.add(link)
                waiting.append(link)


def _words(answer: Any) -> str:
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    if getattr(answer, "is_async", False):
        return headers
    return f"{headers}\n\n{b''.join(answer).decode(errors='replace')}"


def starts_of(scene: Scene) -> list[str]:
    """Return every address of every route, and every search."""
    everything = [each for each in scene.addresses.values() if not each.startswith(_NOT_FOLLOWED)]
    return [*everything, *(search.format(STEM) for search in _SEARCHES)]


def exported(visitor: Visitor) -> Iterator[tuple[str, str]]:
    """Have everything made that the person may have made, and read it."""
    for kind in Export.Kind.values:
        for file_format in Export.Format.values:
            Export.objects.filter(state=Export.State.WAITING).delete()
            visitor.ask("POST", "/exports/ask/", **visitor.form({"kind": kind, "file_format": file_format}))
            for export in Export.objects.filter(state=Export.State.WAITING):
                tasks.make_export(export_id=str(export.pk))
                export.refresh_from_db()
                for file in export.files:
                    address = f"/exports/{export.pk}/{file['name']}/"
                    yield f"{kind} {file['name']}", _words(visitor.ask("GET", address))


def test_nobody_finds_a_word_that_was_not_for_them(cast: Cast) -> None:
    cage = plant(cast)
    assert len(cage.heard_by) >= 20
    scene = build_scene(cast)
    addresses = starts_of(scene)
    leaks: list[str] = []
    found: set[str] = set()
    pages = 0
    for name, member in scene.people.items():
        visitor = Visitor(name, member)
        if name == "deactivated" and member is not None:
            User.objects.filter(pk=member.pk).update(is_active=False)
        for address, text in crawl(visitor, addresses):
            pages += 1
            found |= {word for word in re.findall(rf"{STEM}\d\d", text) if name == "owner"}
            leaks += [f"{name} {address}: {word}" for word in cage.heard(name, text)]
        if member is not None:
            for file, text in exported(visitor):
                leaks += [f"{name} {file}: {word}" for word in cage.heard(name, text)]
    leaks += [
        f"mail: {word}" for each in mail.outbox for word in cage.heard("", f"{each.subject} {each.body}")
    ]
    assert leaks == []
    # The crawl does reach what is to be found: the owner has found most of what the owner may read.
    assert len(found) >= 10
    assert pages > 1000
