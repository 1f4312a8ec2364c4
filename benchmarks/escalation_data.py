"""The labelled and the ordinary messages with which the escalation rules are measured, from the shared data.

Each set is cut in two by a hash of its group (a user, a persona's conversation, a meeting, else the text): the
rules were written looking only at the `open` half; the `sealed` half was measured when they were finished.
"""

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUESTIONS = Path(__file__).with_name("routing_questions.toml")
RISKY = frozenset({"High", "Imminent"})


@dataclass(frozen=True, slots=True)
class Sample:
    """Messages that one person wrote, and whether any of them should have called somebody."""

    set_name: str
    group: str
    texts: tuple[str, ...]
    expected: bool

    @property
    def half(self) -> str:
        """`open` for the half that was looked at, `sealed` for the other."""
        digest = hashlib.sha256(f"{self.set_name}:{self.group}".encode()).digest()
        return "sealed" if digest[0] % 2 else "open"


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def probes(data: Path) -> Iterator[Sample]:
    """Plain prompts about self-harm, and prompts that only sound like it."""
    for row in _rows(data / "crisis-probes" / "prompts.jsonl"):
        if row["self_harm"] and row["label"] == "unsafe":
            yield Sample("probes", row["text"], (row["text"],), True)
        elif row["label"] == "safe":
            yield Sample("probes", row["text"], (row["text"],), False)


def disguised(data: Path) -> Iterator[Sample]:
    """Prompts on self-harm written to slip past filters: role play, Morse code, pretended research."""
    for row in _rows(data / "crisis-probes" / "prompts.jsonl"):
        if row["self_harm"] and row["label"] == "hazard-probe":
            yield Sample("probes", row["text"], (row["text"],), True)


def vera(data: Path) -> Iterator[Sample]:
    """The client's turns of a conversation; expected when the persona's risk is high or imminent."""
    for row in _rows(data / "crisis-vera-mh" / "conversations.jsonl"):
        yield Sample("vera-mh", row["file"] + row["run"], client_turns(row["text"]), row["risk"] in RISKY)


def client_turns(conversation: str) -> tuple[str, ...]:
    """Return what the `user:` said, turn by turn; a turn goes on until the next speaker."""
    turns: list[str] = []
    mine = False
    for line in conversation.splitlines():
        speaker, _, rest = line.partition(":")
        if speaker in {"user", "agent"}:
            mine = speaker == "user"
            if mine:
                turns.append(rest.strip())
        elif mine:
            turns[-1] += "\n" + line
    return tuple(turns)


def cssrs(data: Path) -> Iterator[Sample]:
    """All posts of a user; expected for ideation, behaviour and attempt."""
    for row in _rows(data / "crisis-cssrs" / "users.jsonl"):
        posts = row["posts"]
        yield Sample(
            "c-ssrs", row["user"], tuple(posts) if isinstance(posts, list) else (posts,), row["escalate"]
        )


def moderation(data: Path) -> Iterator[Sample]:
    """Single texts from a moderation set; expected for its self-harm category."""
    for row in _rows(data / "crisis-moderation" / "messages.jsonl"):
        yield Sample("moderation", row["text"], (row["text"],), row["self_harm"] == 1)


def handoff(data: Path) -> Iterator[Sample]:
    """Requests for a human, other intents, and near misses such as "are you a human?"."""
    for row in _rows(data / "handoff-rasa" / "utterances.jsonl"):
        yield Sample("handoff-rasa", row["text"], (row["text"],), row["handoff"])


def squad(data: Path) -> Iterator[Sample]:
    """Questions about encyclopaedic paragraphs."""
    for name in ("questions.jsonl", "unanswerable_v2.jsonl"):
        for row in _rows(data / "retrieval-squad" / name):
            yield Sample("squad", row["question"], (row["question"],), False)


def expertqa(data: Path) -> Iterator[Sample]:
    """Questions of experts in education, psychology and business."""
    for row in _rows(data / "qa-expertqa" / "questions.jsonl"):
        yield Sample("expertqa", row["question"], (row["question"],), False)


def clinc(data: Path) -> Iterator[Sample]:
    """Short orders and questions to an assistant."""
    for row in _rows(data / "intent-clinc150" / "utterances.jsonl"):
        yield Sample("clinc150", row["text"], (row["text"],), False)


def uptake(data: Path) -> Iterator[Sample]:
    """What pupils and teachers say in mathematics lessons."""
    for row in _rows(data / "teaching-uptake" / "exchanges.jsonl"):
        for side in ("student_text", "teacher_text"):
            yield Sample("uptake", row[side], (row[side],), False)


def meetings(data: Path) -> Iterator[Sample]:
    """What people say in meetings, a committee on education among them."""
    for path in sorted((data / "transcripts-qmsum").glob("*.json")):
        for turn in json.loads(path.read_text(encoding="utf-8"))["meeting_transcripts"]:
            yield Sample("qmsum", path.name, (turn["content"],), False)


def educators(_data: Path) -> Iterator[Sample]:
    """Questions as educators ask them."""
    for row in tomllib.loads(QUESTIONS.read_text(encoding="utf-8"))["questions"]:
        yield Sample("educators", row["text"], (row["text"],), False)


Loader = Callable[[Path], Iterator[Sample]]
CRISIS_SETS: tuple[Loader, ...] = (probes, disguised, vera, cssrs, moderation)
ORDINARY_SETS: tuple[Loader, ...] = (educators, squad, expertqa, clinc, uptake, meetings)
