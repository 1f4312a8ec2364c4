"""What a message is refused with."""


class Refusal(Exception):
    """The message was not taken and nothing was changed. `code` is stable, the text is for the sender.

    `seconds` says in how many it can be, where that is a matter of time.
    """

    def __init__(self, code: str, text: str, *, seconds: int | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.seconds = seconds
