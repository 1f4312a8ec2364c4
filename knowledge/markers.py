"""The markers ``[1]`` by which an answer cites its sources, read from a stream.

A marker is ``[`` numbers of at most three digits, parted by commas or semicolons, ``]``. Longer numbers,
as years, are text. Whatever way the text is cut into pieces, the output is the same.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

PLAIN = re.compile(r"(?:[ \t]*+[^\[`~\\\n \t]++)++")
"""Words, with the blanks before them: a run in which nothing can begin, and after which no blank is left over."""
PARTIAL = re.compile(r"\[(?:\d{1,3}(?:[,;] ?\d{1,3})*(?:[,;] ?)?)?")
MARKER = re.compile(r"\[\d{1,3}(?:[,;] ?\d{1,3})*\]")
NUMBER = re.compile(r"\d+")
LONGEST = 64
"""A marker of more characters is text: a stream is never held back for long."""


@dataclass(frozen=True, slots=True)
class Marker:
    """One citation in the text: ``[number]`` begins at character `offset`."""

    number: int
    offset: int


class MarkerParser:
    """Passes the text of an answer on as it comes, with its markers put in order.

    A marker that may still be coming is held back; numbers that are not `known` are dropped, with the
    blanks before them; ``[1, 2]`` becomes ``[1][2]``. In code, and after a backslash, nothing is a marker.
    """

    def __init__(self, known: Collection[int]) -> None:
        self._known = frozenset(known)
        self._held = ""
        self._length = 0
        self._in_partial = False
        self._blanks_of_dropped = ""
        self._code = _Code()
        self._markers: list[Marker] = []

    @property
    def markers(self) -> tuple[Marker, ...]:
        """The markers passed on so far, with their offsets in the output."""
        return tuple(self._markers)

    def feed(self, text: str) -> str:
        """Take the next piece of the answer and return what can be shown now."""
        self._held += text
        return self._read(last=False)

    def close(self) -> str:
        """Return what was still held back; the answer is over."""
        return self._read(last=True)

    def _read(self, *, last: bool) -> str:
        text, self._held = self._held, ""
        shown: list[str] = []
        position = 0
        while position < len(text):
            end = self._code_or_plain(text, position)
            if end > position:
                self._blanks_of_dropped = ""
                shown.append(self._emit(text[position:end]))
            elif (taken := self._blanks_and_marker(text, position, last=last)) is None:
                self._held = text[position:]
                break
            else:
                end, piece = taken
                shown.append(piece)
            position = end
        return "".join(shown)

    def _code_or_plain(self, text: str, position: int) -> int:
        """Return the end of what is passed on unread from `position`; `position` itself for none."""
        character = text[position]
        if not self._code.inside and not self._code.escaped:
            if found := PLAIN.match(text, position):
                self._code.plain()
                return found.end()
            if character in " \t[":
                return position
        self._code.step(character)
        return position + 1

    def _blanks_and_marker(self, text: str, position: int, *, last: bool) -> tuple[int, str] | None:
        """Read blanks and what may be a marker after them; None: it has to wait for more text."""
        start = position
        while start < len(text) and text[start] in " \t":
            start += 1
        if start == len(text):
            return (start, self._pass_on(text[position:])) if last else None
        if text[start] != "[":
            self._blanks_of_dropped = ""
            return start, self._pass_on(text[position:start])
        if found := MARKER.match(text, start):
            return found.end(), self._markers_of(text[position:start], found.group())
        partial = PARTIAL.match(text, start)
        waiting = partial is not None and partial.end() == len(text) and len(text) - start < LONGEST
        if waiting and not last:
            return None
        self._blanks_of_dropped = ""
        return start + 1, self._pass_on(text[position : start + 1])

    def _markers_of(self, blanks: str, marker: str) -> str:
        """Return the known numbers of `marker` as markers of their own."""
        numbers = [int(found) for found in NUMBER.findall(marker)]
        known = [number for number in dict.fromkeys(numbers) if number in self._known]
        blanks = blanks or self._blanks_of_dropped
        self._blanks_of_dropped = "" if known else blanks
        if not known:
            # Two blanks keep what stands around a dropped marker from closing to another one.
            return self._emit("  ") if self._in_partial else ""
        shown = self._pass_on(blanks)
        for number in known:
            self._markers.append(Marker(number=number, offset=self._length))
            shown += self._emit(f"[{number}]")
        self._code.plain()
        return shown

    def _pass_on(self, text: str) -> str:
        for character in text:
            self._code.step(character)
        return self._emit(text)

    def _emit(self, text: str) -> str:
        if not text:
            return ""
        self._length += len(text)
        opened = text.rfind("[")
        tail = text[opened:] if opened >= 0 else text
        partial_before = self._in_partial or opened >= 0
        self._in_partial = partial_before and all(character in "[0123456789,; " for character in tail)
        return text


class _Code:
    """Knows whether the reader stands in a code span or a fenced block, one character at a time.

    A span ends with a run of as many backticks as opened it, or with an empty line; a block with a line
    of at least as many of its fence characters.
    """

    def __init__(self) -> None:
        self.inside = False
        self.escaped = False
        self._fence = ""
        self._fence_length = 0
        self._span = 0
        self._run = ""
        self._run_length = 0
        self._run_opens_line = False
        self._line_blank = True
        self._on_info_line = False
        self._closing = False

    def plain(self) -> None:
        """Note that ordinary text was passed outside code."""
        self._end_run()
        self._line_blank = False
        self.escaped = False

    def step(self, character: str) -> None:
        """Read one character."""
        if self.escaped:
            self.plain()
            return
        if character in "`~" and (character == self._run or not self._run):
            self._lengthen_run(character)
            return
        self._end_run()
        if character == "\n":
            self._end_line()
        elif character in "`~":
            self._lengthen_run(character)
        elif character not in " \t":
            self._line_blank = False
            self._closing = False
            self.escaped = character == "\\" and not self._code_open()
        self.inside = self._code_open()

    def _lengthen_run(self, character: str) -> None:
        if not self._run:
            self._run_opens_line = self._line_blank
        self._run = character
        self._run_length += 1
        self._line_blank = False
        self.inside = True

    def _end_run(self) -> None:
        """Decide what the run of fence characters that has just ended means."""
        run, length = self._run, self._run_length
        self._run, self._run_length = "", 0
        if not run:
            return
        if self._fence:
            self._run_in_fence(run, length)
        elif self._span:
            self._span = 0 if run == "`" and length == self._span else self._span
        elif self._run_opens_line and length >= 3:
            self._fence, self._fence_length, self._on_info_line = run, length, True
        elif run == "`":
            self._span = length
        self.inside = self._code_open()

    def _run_in_fence(self, run: str, length: int) -> None:
        if self._on_info_line and self._fence == "`" and run == "`":
            # A fence of backticks has none in its first line, so it was a code span.
            self._span = 0 if length == self._fence_length else self._fence_length
            self._fence = ""
        elif run == self._fence and self._run_opens_line and length >= self._fence_length:
            self._closing = True

    def _end_line(self) -> None:
        if self._closing:
            self._fence = ""
        if self._span and self._line_blank:
            self._span = 0
        self._closing = False
        self._on_info_line = False
        self._line_blank = True

    def _code_open(self) -> bool:
        return bool(self._fence or self._span)
