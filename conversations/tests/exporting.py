"""What tests of exports stand on: something to export, and an export asked for through the page."""

import csv
import io
from typing import Any

from django.core.files.storage import default_storage
from django.test import Client

from accounts.models import User
from conversations import giving_feedback, tasks
from conversations.models import Conversation
from conversations.outward import Export
from conversations.tests.factories import add, begin, citation

NO_EXPORT = "00000000-0000-7000-8000-000000000000"


def signed_in(member: User) -> Client:
    """Return the browser of a member."""
    client = Client()
    client.force_login(member)
    return client


def told(member: User, *, visibility: str = "coached") -> Conversation:
    """Return a conversation of two messages, the answer cited and rated."""
    conversation = begin(member, visibility=visibility)
    add(conversation, f"QUESTION-{visibility}", by="client", sender=member)
    answer = add(conversation, f"ANSWER-{visibility} [1].", citations=[citation()])
    giving_feedback.give(
        member=member, message_id=answer.pk, score=-1, reasons=["other"], comment=f"COMMENT-{visibility}"
    )
    return conversation


def asked(member: User, kind: str = "own", file_format: str = "csv") -> Export:
    """Ask for an export through the page and return its row."""
    browser = signed_in(member)
    assert browser.post("/exports/ask/", {"kind": kind, "file_format": file_format}).status_code == 302
    return Export.objects.latest("created_at")


def made(member: User, kind: str = "own", file_format: str = "csv") -> Export:
    """Ask for an export and let a worker make it."""
    export = asked(member, kind, file_format)
    tasks.make_export(export_id=str(export.pk))
    export.refresh_from_db()
    assert export.state == "ready"
    return export


def fetch(member: User, export: Export, name: str) -> Any:
    """Fetch a file of an export as a member."""
    return taken(signed_in(member).get(f"/exports/{export.pk}/{name}/"))


def taken(response: Any) -> Any:
    """Return an answer of which all was read, as a browser does it: a file is closed then."""
    if response.streaming:
        response.streaming_content = [response.getvalue()]
    return response


def table(member: User, export: Export, name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    text = fetch(member, export, name).getvalue().decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def files_left() -> list[str]:
    """Return every stored file of any export."""
    try:
        folders = default_storage.listdir("exports")[0]
    except FileNotFoundError:
        return []
    return [
        f"{folder}/{attempt}/{name}"
        for folder in folders
        for attempt in default_storage.listdir(f"exports/{folder}")[0]
        for name in default_storage.listdir(f"exports/{folder}/{attempt}")[1]
    ]
