"""What a message is refused with."""


class Refusal(Exception):
    """The message was not taken and nothing was changed. `code` is stable, the text is for the sender."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
