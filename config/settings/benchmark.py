"""Settings of the benchmarks: those of `make run`, with passwords that cost nothing to make."""

from config.settings.local import *

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# The limits are looked at as everywhere, but no load reaches them.
QUOTAS = {role: dict.fromkeys(rates, "1000000/hour") for role, rates in QUOTAS.items()}
AI_TURNS_AT_ONCE = 1_000_000
MONTHLY_MESSAGES = dict.fromkeys(MONTHLY_MESSAGES)
DAILY_BUDGET_USD = DAILY_BUDGET_USD * 1_000_000
