"""What is said to somebody who cannot ask the AI just now: why, and when it will be possible again."""

from accounts.quotas import duration
from coaching.spending import Shortage

_PERSON = "ask for a person at any time"


def words_of(shortage: Shortage) -> tuple[str, str]:
    """Return the code and the text of a refusal for want of messages, money or turns."""
    again = f"again in {duration(shortage.retry_after_s)}"
    match shortage.of:
        case "month":
            return (
                "monthly_limit",
                f"Your organization has sent its {shortage.limit:,} messages to the AI for this month. What you wrote "
                f"is kept; the AI can be asked {again}. You can {_PERSON}, and your administrator can have it raised.",
            )
        case "budget":
            return (
                "budget",
                f"What the AI may cost you today is used up. What you wrote is kept; you can send it {again}, or {_PERSON}.",
            )
        case "turns":
            return (
                "quota",
                f"{shortage.limit} answers to you are still under way. What you wrote is kept: send it when one of them "
                "is complete.",
            )
