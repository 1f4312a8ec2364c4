"""A refusal as HTTP says it: the status, and the headers that tell a program when to come back."""

from accounts import quotas
from conversations.allowance import OverQuota
from conversations.turns.accept import Refusal


def status(refusal: Refusal) -> int:
    """Return 429 where something is used up, 503 where nobody can tell, 422 where waiting does not help."""
    if refusal.seconds is None:
        return 422
    return 503 if refusal.code == "quota_unavailable" else 429


def headers(refusal: Refusal) -> dict[str, str]:
    """Return `Retry-After` where waiting helps, and what is left where that is counted in a bucket."""
    if isinstance(refusal, OverQuota):
        return quotas.headers(refusal.verdict)
    return {} if refusal.seconds is None else {"Retry-After": str(refusal.seconds)}
