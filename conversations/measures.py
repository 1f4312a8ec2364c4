"""What people's thumbs add to the counters of this process."""

from typing import Final

from prometheus_client import Counter

FEEDBACK: Final = Counter("sideline_feedback", "Thumbs for answers, up or down.", ["thumb"])


def feedback_given(score: int) -> None:
    """Count a thumb."""
    FEEDBACK.labels("up" if score > 0 else "down").inc()
