"""How many tokens a text is, roughly, where nobody has counted them.

The counts of a provider always win. These estimates serve budgets and streams that were cut short.
"""

import math
from collections.abc import Iterable

from coaching.providers.ports import ChatMessage, ChatRequest

MESSAGE_OVERHEAD = 4
"""Tokens that a chat format spends around each message."""


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of `text`: four ASCII characters a token, one and a half of any other."""
    ascii_characters = len(text.encode("ascii", "ignore"))
    return math.ceil(ascii_characters / 4 + (len(text) - ascii_characters) / 1.5)


def estimate_messages(messages: Iterable[ChatMessage]) -> int:
    """Estimate the tokens of a whole prompt."""
    return sum(MESSAGE_OVERHEAD + estimate_tokens(message.content) for message in messages)


def estimate_input(request: ChatRequest) -> int:
    """Estimate the input tokens of `request`."""
    return estimate_messages(request.messages)
