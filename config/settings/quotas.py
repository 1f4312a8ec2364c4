"""How much may be used: the numbers that an installation or an organization may replace."""

RATES: dict[str, dict[str, str]] = {
    "educator": {"requests": "100/hour", "ai_turns": "50/hour 10/minute", "exports": "10/day"},
    "coach": {"requests": "100/hour", "ai_turns": "50/hour 10/minute", "exports": "10/day"},
    "admin": {"requests": "1000/hour", "ai_turns": "50/hour 10/minute", "exports": "10/day"},
}
"""What each person may do, by role; an organization's own numbers replace the first rate of each."""

NEVER_REFUSE = frozenset(
    {
        "POST account_logout",
        "POST end_session",
        "POST end_other_sessions",
        "POST keep_account",
        "POST revoke_token",
        "POST conversations:ask_for_coach",
        "POST conversations:begin",
        "POST conversations:cancel_request",
        "POST conversations:consent",
        "POST conversations:delete",
        "POST conversations:discard_export",
        "POST conversations:hand_back",
        "POST conversations:revoke_link",
        "POST conversations:say",
        "POST conversations:set_visibility",
        "POST conversations:speak",
        "POST conversations:stop",
        "POST conversations:take_over",
        "POST api:logout",
        "DELETE api:sessions",
        "DELETE api:session",
        "DELETE api:key",
        "DELETE api:conversation",
        "POST api:messages",
        "POST api:stop",
        "POST api:coach",
        "DELETE api:coach",
        "POST api:consent",
        "POST api:take_over",
        "POST api:speak",
        "POST api:hand_back",
        "DELETE api:link",
    }
)
"""Methods and addresses, by name, that no quota of requests may hold back: they lead to a person, or end something."""

COUNT_DOWNLOADS = frozenset({"download_export", "conversations:fetch_export"})
"""Pages that count as requests although nothing is sent: each hands out a file, and adds to the record."""

MONTHLY_MESSAGES: dict[str, int | None] = {
    "free": 1_000,
    "basic": 10_000,
    "premium": 100_000,
    "enterprise": None,
}
"""Messages to the AI that an organization may send in a calendar month, by tier; none means as many as it likes."""

LIBRARY_MB: dict[str, int | None] = {
    "free": 5_000,
    "basic": 50_000,
    "premium": 500_000,
    "enterprise": None,
}
"""What the files of an organization's library may take in all, by tier; none means as much as the disk has."""
