"""The measuring process of `benchmarks.turn_steps`: it has the services' addresses in its environment."""

import asyncio
import pickle
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import django

django.setup()

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.models import User
from benchmarks.chat import QUESTIONS
from config.demo import build_demo
from conversations import announcing, organizing
from conversations.metering import Collector
from conversations.presenting import Names
from conversations.turns.accept import accept
from conversations.turns.plan import load, look_up, prompt
from conversations.turns.prepare import handed_on
from conversations.turns.record import Outcome, record, save_partials
from conversations.turns.understand import understand

REPLY = "Teams that look at student work together every week learn faster [1]. " * 8
WORKER = "steps"


class Spent:
    """CPU seconds of this process, and statements, by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.statements: dict[str, int] = defaultdict(int)

    @contextmanager
    def on(self, step: str) -> Iterator[None]:
        """Note what is done within."""

        def counting(execute: Callable[..., Any], *arguments: Any) -> Any:
            self.statements[step] += 1
            return execute(*arguments)

        with connection.execute_wrapper(counting):
            started = time.process_time()
            yield
            self.seconds[step] += time.process_time() - started


def one_turn(
    spent: Spent, loop: asyncio.AbstractEventLoop, member: User, conversation_id: Any, question: str
) -> None:
    """Work one turn off, step by step."""
    now = timezone.now()
    with spent.on("floor: SELECT 1"), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    with spent.on("accept"):
        accepted = accept(
            member=member,
            conversation_id=conversation_id,
            client_id=uuid4(),
            text=question,
            now=now,
            worker=WORKER,
        )
    names = Names(client=member.name, persona="Sideline")
    with spent.on("show the question and the empty reply"):
        for message in (accepted.message, accepted.reply):
            assert message is not None
            announcing.as_event(message, names).encode()
    assert accepted.turn_id is not None
    with spent.on("load"):
        loaded = load(accepted.turn_id)
    assert loaded is not None
    collector = Collector()
    with spent.on("understand (embed and route)"):
        understood = loop.run_until_complete(understand(loaded.search_text, collector))
    with spent.on("look up and compose"):
        plan = look_up(loaded, understood)
        prompt(plan)
    with spent.on("hand the plan over"):
        pickle.loads(pickle.dumps(handed_on(plan, collector.runs)))  # noqa: S301 -- our own
    with spent.on("keep (alone)"):
        save_partials({accepted.turn_id: REPLY[:300]}, worker=WORKER, now=now)
    outcome = Outcome("complete", REPLY, runs=collector.runs, first_token_at=now)
    with spent.on("record"):
        recorded = record(plan=plan, outcome=outcome, worker=WORKER, now=now)
    with spent.on("show the settled reply"):
        announcing.as_event(recorded.reply, names).encode()


def measure(turns: int, loop: asyncio.AbstractEventLoop) -> None:
    """Work `turns` turns off after a warm-up and print the table."""
    member = User.objects.filter(role="educator").order_by("email").first()
    assert member is not None
    conversations = [organizing.begin(member=member, now=timezone.now()).pk for _ in range(20)]
    one_turn(Spent(), loop, member, conversations[0], QUESTIONS[0])
    spent = Spent()
    for number in range(turns):
        question = QUESTIONS[number % len(QUESTIONS)]
        one_turn(spent, loop, member, conversations[number % 20], question)
    print(f"{'step':<40} | CPU ms | statements")
    for step, seconds in spent.seconds.items():
        print(f"{step:<40} | {seconds * 1000 / turns:>6.2f} | {spent.statements[step] / turns:>5.1f}")
    total = sum(seconds for step, seconds in spent.seconds.items() if not step.startswith("floor"))
    print(f"{'all but the floor':<40} | {total * 1000 / turns:>6.2f} |")


def main() -> None:
    """Prepare the library and measure."""
    call_command("migrate", verbosity=0, interactive=False)
    call_command("collectstatic", verbosity=0, interactive=False)
    build_demo(say=lambda _line: None)
    loop = asyncio.new_event_loop()
    measure(int(sys.argv[1]), loop)
    loop.close()


if __name__ == "__main__":
    main()
