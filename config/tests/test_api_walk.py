"""The walk through the API in docs/api.md, run as it stands there against real processes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from accounts.models import ApiToken
from accounts.tests.cast import build_cast
from accounts.tests.factories import PASSWORD
from config.tests.stack import Stack
from conftest import missing
from conversations.models import Conversation, Feedback, Message
from conversations.outward import ShareLink
from knowledge.models import Document

pytestmark = pytest.mark.processes

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_walk_does_what_it_says(live_stack: Stack, tmp_path: Path) -> None:
    bash, curl = shutil.which("bash"), shutil.which("curl")
    if bash is None or curl is None:
        missing("no bash or no curl")
    coach = build_cast().home.coach
    blocks = COMMANDS.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) == 11
    walk = subprocess.run(
        [str(bash), "-euo", "pipefail", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        env={
            "PATH": str(Path(str(curl)).parent) + ":/usr/bin:/bin",
            "SIDELINE": live_stack.url,
            "EMAIL": str(coach.email),
            "PASSWORD": PASSWORD,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert walk.returncode == 0, walk.stderr + walk.stdout[-3000:]
    assert '"name":"Ben Hart"' in walk.stdout
    assert "one question that matters to all" in walk.stdout
    assert walk.stdout.count("event: message_complete") == 2
    assert "Logged out successfully" in walk.stdout
    assert '"chosen_domains":["collaboration"]' in walk.stdout
    assert "Write the answer down where everybody sees it." in walk.stdout
    assert '"is_quoted":true' in walk.stdout
    assert '"waiting":[],"taken":[],"went_back":[],"shared":[]' in walk.stdout
    assert '"who":"Somebody with the link","what":"opened it by a link"' in walk.stdout
    assert list(tmp_path.iterdir()) == []
    (token,) = ApiToken.objects.all()
    assert (token.name, token.scopes) == ("Walk", ["account", "documents", "read", "write"])
    assert token.revoked_at is not None
    link = ShareLink.objects.get()
    assert (link.first_sequence, link.last_sequence, link.with_names) == (1, 2, True)
    (conversation,) = Conversation.objects.all()
    assert (conversation.title, conversation.status) == ("How teams begin", "archived")
    assert conversation.deleted_at is None
    assert [m.sender_type for m in Message.objects.order_by("sequence")] == ["client", "ai"] * 2
    assert (Feedback.objects.get().score, Feedback.objects.get().reasons) == (1, ["accurate", "helpful"])
    assert not Document.objects.exists()
