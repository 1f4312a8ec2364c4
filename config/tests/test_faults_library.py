"""Redis away while somebody adds a document or tries again: what was said to be done is done, and read later."""

import json
from http.client import HTTPConnection
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.utils import timezone

from accounts import tokens
from accounts.models import User
from accounts.tests.cast import build_house
from accounts.tests.waiting import until
from config.celery import app
from config.embedded_redis import Redis
from config.ports import LOOPBACK
from config.tests.stack import Stack
from knowledge import library
from knowledge.library import Shelf
from knowledge.models import DocumentVersion
from knowledge.tasks import sweep_ingestion

pytestmark = pytest.mark.processes

LIBRARY = "/admin/knowledge/document/"
CSRF = "a" * 32


def send(stack: Stack, address: str, form: dict[str, Any], headers: dict[str, str]) -> tuple[int, bytes]:
    """Send a form with files to the web process; return status and body."""
    connection = HTTPConnection(LOOPBACK, stack.port, timeout=60)
    connection.request(
        "POST", address, encode_multipart(BOUNDARY, form), {"Content-Type": MULTIPART_CONTENT, **headers}
    )
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def press(stack: Stack, member: User, address: str, form: dict[str, Any]) -> int:
    """Send a form of the dashboard."""
    client = Client()
    client.force_login(member)
    cookie = f"sessionid={client.cookies['sessionid'].value}; csrftoken={CSRF}"
    headers = {"Cookie": cookie, "Origin": stack.url}
    return send(stack, address, {**form, "csrfmiddlewaretoken": CSRF}, headers)[0]


def call(stack: Stack, member: User, file: SimpleUploadedFile) -> tuple[int, dict[str, Any]]:
    """Add a file as a program does."""
    key = tokens.issue(owner=member, name="Walk", scopes=["documents"], days=1, now=timezone.now()).secret
    status, body = send(stack, "/api/v1/documents", {"file": file}, {"Authorization": f"Bearer {key}"})
    return status, json.loads(body)["data"]


def sweep(stack: Stack) -> None:
    """Have the worker look for documents now, not when beat says so."""
    with app.connection_for_write(stack.environment["REDIS_URL"]) as connection:
        task: Any = sweep_ingestion
        task.apply_async(connection=connection, queue="default")


def test_redis_away_loses_no_upload_and_no_second_try(live_stack: Stack, redis_server: Redis) -> None:
    house = build_house(
        "Riverside School", "riverside.example", ("Ada Moss", "Ben Hart", "Cleo Vale", "Dora Finch")
    )
    shelf = Shelf(house.organization.pk)
    content = ContentFile(b"Norms are kept.")
    given_up = library.add(
        shelf=shelf, filename="failed.txt", content=content, now=timezone.now(), start=False
    ).version
    DocumentVersion.objects.update(state="failed", cause="provider", failed_stage="embed")
    redis_server.stop()

    file = SimpleUploadedFile("page.txt", b"Trust grows.")
    status = press(live_stack, house.coach, f"{LIBRARY}upload/", {"documents": file, "keeper": "shared"})
    assert status == 302
    status, told = call(live_stack, house.coach, SimpleUploadedFile("program.txt", b"Data helps."))
    assert (status, told["state"]) == (201, "waiting")
    assert press(live_stack, house.admin, f"{LIBRARY}{given_up.document_id}/retry/", {}) == 302

    versions = list(DocumentVersion.objects.order_by("filename"))
    assert [(version.filename, version.state) for version in versions] == [
        ("failed.txt", "waiting"),
        ("page.txt", "waiting"),
        ("program.txt", "waiting"),
    ]
    assert all(default_storage.exists(str(version.file)) for version in versions)

    redis_server.start(redis_server.port)

    def are_ready() -> bool:
        sweep(live_stack)
        return not DocumentVersion.objects.exclude(state="ready").exists()

    until(are_ready, "three documents that are ready")
