"""How often the router finds the right domain, on labelled questions that are no examples of it.

    python -m benchmarks.routing_accuracy

The weights of the router were chosen on the questions with an even number; the odd ones are the measure.
"""

import asyncio
import os
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

import django
import numpy as np

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
django.setup()

from coaching.providers.minilm import MiniLM
from knowledge.domains import DOMAINS_FILE
from knowledge.routing import Router, Routing, router_for

QUESTIONS = Path(__file__).with_name("routing_questions.toml")
OFF_TOPIC = Path(os.environ.get("SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """A labelled question and where it was routed."""

    primary: str
    also: tuple[str, ...]
    routing: Routing

    @property
    def strict(self) -> bool:
        return self.routing.primary == self.primary

    @property
    def right(self) -> bool:
        return self.routing.primary in {self.primary, *self.also}

    @property
    def among(self) -> bool:
        return self.primary in self.routing.domains


def texts() -> dict[str, tuple[str, ...]]:
    """Return the texts of the domains as `domain_texts` does, without a database."""
    (listed,) = tomllib.loads(DOMAINS_FILE.read_text()).values()
    return {
        row["slug"]: (f"{row['name']}. {row['description'].strip()}", *row["examples"])
        for row in sorted(listed, key=lambda row: row["slug"])
    }


async def measure() -> tuple[list[Outcome], list[Routing], float]:
    """Return the outcomes, the routing of questions about something else, and milliseconds a question."""
    model = MiniLM()
    router = await router_for(model, texts())
    rows = tomllib.loads(QUESTIONS.read_text())["questions"]
    started = time.perf_counter()
    routed = await _routed(model, router, [row["text"] for row in rows])
    spent = (time.perf_counter() - started) * 1000 / len(rows)
    outcomes = [
        Outcome(row["primary"], tuple(row.get("also", ())), routing)
        for row, routing in zip(rows, routed, strict=True)
    ]
    return outcomes, await _routed(model, router, off_topic_questions()), spent


async def _routed(model: MiniLM, router: Router, questions: list[str]) -> list[Routing]:
    if not questions:
        return []
    vectors = (await model.embed(questions, deadline_s=300)).vectors
    return [
        router.route(question=text, vector=vector) for text, vector in zip(questions, vectors, strict=True)
    ]


def off_topic_questions() -> list[str]:
    """Return 300 questions about history, science and sport, where the shared data is there."""
    file = OFF_TOPIC / "retrieval-squad" / "questions.jsonl"
    if not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line.split('"question": "')[1].split('", "answers"')[0] for line in lines[:: len(lines) // 300]][
        :300
    ]


def report(outcomes: list[Outcome], off_topic: list[Routing], spent: float) -> None:
    print(f"{'questions':<22}{'n':>5}{'strict':>9}{'right':>9}{'routed to':>11}{'unsure':>9}")
    groups = {"all": outcomes, "chosen on (even)": outcomes[::2], "measure (odd)": outcomes[1::2]}
    groups |= {slug: [one for one in outcomes if one.primary == slug] for slug in texts()}
    for name, group in groups.items():
        shares = [np.mean([getattr(one, field) for one in group]) for field in ("strict", "right", "among")]
        unsure = np.mean([one.routing.unsure for one in group])
        print(
            f"{name:<22}{len(group):>5}" + "".join(f"{share:>9.3f}" for share in shares) + f"{unsure:>11.3f}"
        )
    sure = [one for one in outcomes if not one.routing.unsure and one.routing.primary]
    print(f"right where sure: {np.mean([one.right for one in sure]):.3f} of {len(sure)}")
    print(f"taken for off topic: {np.mean([one.routing.primary is None for one in outcomes]):.3f}")
    if off_topic:
        print(
            f"off-topic questions recognised: {np.mean([one.primary is None for one in off_topic]):.3f} of {len(off_topic)}"
        )
    print(f"{spent:.2f} ms a question, its embedding in a batch included")


if __name__ == "__main__":
    report(*asyncio.run(measure()))
