"""How much may be used: the numbers that an installation or an organization may replace."""

RATES: dict[str, dict[str, str]] = {
    "educator": {"requests": "100/hour", "ai_turns": "50/hour 10/minute", "exports": "10/day"},
    "coach": {"requests": "100/hour", "ai_turns": "50/hour 10/minute", "exports": "10/day"},
    "admin": {"requests": "1000/hour", "ai_turns": "50/hour 10/minute", "exports": "10/day"},
}
"""What each person may do, by role; an organization's own numbers replace the first rate of each."""

NEVER_REFUSE = frozenset(
    {
        "account_logout",
        "end_session",
        "end_other_sessions",
        "keep_account",
        "revoke_token",
        "conversations:ask_for_coach",
        "conversations:begin",
        "conversations:cancel_request",
        "conversations:consent",
        "conversations:delete",
        "conversations:discard_export",
        "conversations:hand_back",
        "conversations:revoke_link",
        "conversations:say",
        "conversations:set_visibility",
        "conversations:speak",
        "conversations:stop",
        "conversations:take_over",
    }
)
"""Forms that no quota of requests may hold back: they lead to a person, or end something."""

COUNT_DOWNLOADS = frozenset({"download_export", "conversations:fetch_export"})
"""Pages that count as requests although nothing is sent: each hands out a file, and adds to the record."""

MONTHLY_MESSAGES: dict[str, int | None] = {
    "free": 1_000,
    "basic": 10_000,
    "premium": 100_000,
    "enterprise": None,
}
"""Messages to the AI that an organization may send in a calendar month, by tier; none means as many as it likes."""
