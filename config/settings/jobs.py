"""Which queue a job waits in, and when beat asks for what: sweeps that find what a lost message left, and the clock."""

from typing import Any

from celery.schedules import crontab

PROMPT = "default"
"""What is done within seconds: sweeps, the heartbeat, turns and mails. Nothing here may take long."""
INGESTION = "ingestion"
"""Documents, which may take an hour each."""
LONG = "long"
"""Everything else that grows with what an installation holds."""

_TAKES_LONG = (
    "accounts.tasks.check_chain",
    "accounts.tasks.erase_account",
    "accounts.tasks.expire_exports",
    "accounts.tasks.keep_no_longer",
    "accounts.tasks.make_export",
    "config.tasks.clear_sessions",
    "conversations.tasks.make_export",
    "conversations.tasks.refresh_analytics",
    "knowledge.tasks.keep_index",
)
ROUTES = {
    **{task: {"queue": LONG} for task in _TAKES_LONG},
    "knowledge.tasks.sweep_ingestion": {"queue": PROMPT},
    "knowledge.tasks.*": {"queue": INGESTION},
}


def every(seconds: float, task: str) -> dict[str, Any]:
    """Return a job that is asked for again and again; a message that waits until the next one comes is dropped."""
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}


SCHEDULE: dict[str, dict[str, Any]] = {
    "heartbeat": every(10.0, "config.tasks.beat"),
    "sweep-ingestion": every(30.0, "knowledge.tasks.sweep_ingestion"),
    "keep-index": every(600.0, "knowledge.tasks.keep_index"),
    "sweep-turns": every(10.0, "conversations.tasks.sweep_turns"),
    "release-reservations": every(10.0, "conversations.tasks.release_reservations"),
    "refresh-analytics": every(600.0, "conversations.tasks.refresh_analytics"),
    "escalate-handoffs": every(30.0, "conversations.tasks.escalate_handoffs"),
    "check-record": every(60.0, "accounts.tasks.check_chain"),
    "sweep-mail": every(30.0, "accounts.tasks.sweep_mail"),
    "give-back-absent": every(5.0, "conversations.tasks.give_back_absent"),
    "find-astray": every(60.0, "conversations.tasks.find_astray"),
    "forget-replies": every(3600.0, "accounts.tasks.forget_replies"),
    "sweep-exports": every(30.0, "conversations.tasks.sweep_exports"),
    "sweep-account-data": every(60.0, "accounts.tasks.sweep_account_data"),
    "expire-exports": every(900.0, "accounts.tasks.expire_exports"),
    "clear-sessions": every(3600.0, "config.tasks.clear_sessions"),
    "keep-no-longer": {
        "task": "accounts.tasks.keep_no_longer",
        "schedule": crontab(hour=3, minute=20),
        "options": {"expires": 6 * 3600},
    },
}
