"""When beat asks the workers for what: sweeps that find what a lost message left, and what is done by the clock."""

from typing import Any

SCHEDULE: dict[str, dict[str, Any]] = {
    "heartbeat": {"task": "config.tasks.beat", "schedule": 10.0, "options": {"expires": 10}},
    "sweep-ingestion": {
        "task": "knowledge.tasks.sweep_ingestion",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "keep-index": {"task": "knowledge.tasks.keep_index", "schedule": 600.0, "options": {"expires": 600}},
    "sweep-turns": {"task": "conversations.tasks.sweep_turns", "schedule": 10.0, "options": {"expires": 10}},
    "release-reservations": {
        "task": "conversations.tasks.release_reservations",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "refresh-analytics": {
        "task": "conversations.tasks.refresh_analytics",
        "schedule": 600.0,
        "options": {"expires": 600},
    },
    "escalate-handoffs": {
        "task": "conversations.tasks.escalate_handoffs",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "check-record": {"task": "accounts.tasks.check_chain", "schedule": 60.0, "options": {"expires": 60}},
    "sweep-mail": {"task": "accounts.tasks.sweep_mail", "schedule": 30.0, "options": {"expires": 30}},
    "give-back-absent": {
        "task": "conversations.tasks.give_back_absent",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "find-astray": {"task": "conversations.tasks.find_astray", "schedule": 60.0, "options": {"expires": 60}},
    "forget-replies": {
        "task": "accounts.tasks.forget_replies",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
    "sweep-exports": {
        "task": "conversations.tasks.sweep_exports",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "clear-sessions": {
        "task": "config.tasks.clear_sessions",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
}
