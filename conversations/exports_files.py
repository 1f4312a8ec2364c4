"""The two formats of exports: CSV by RFC 4180 that no spreadsheet can be made to execute, and JSON Lines.

A spreadsheet takes a cell that begins with a sign such as `=` for a formula. Such a cell gets an apostrophe in
front, and so does what follows a semicolon or a tabulator, at which some spreadsheets split a line again. JSON
Lines keeps every text as it was written.
"""

import csv
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from io import StringIO
from typing import IO, Protocol
from uuid import UUID

import orjson

Cell = str | int | bool | datetime | UUID | None | Sequence[str] | Sequence[Mapping[str, object]]
Row = Mapping[str, Cell]

_TRIGGER = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_UNSEEN = "\\s\u0000-\u001f\u007f-\u00a0\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff"
"""What stands before a formula and is not seen: blanks, controls, marks of direction, a byte order mark."""
_BEGINS_A_FORMULA = re.compile(f"[{_UNSEEN}]*[{_TRIGGER}]|[\t\r\n\u0000]")
_AFTER_A_SPLIT = re.compile(f"(?<=[;\t])(?=[{_UNSEEN}]*[{_TRIGGER}])")


def harmless(text: str) -> str:
    """Return the text so that a spreadsheet shows it and nothing more."""
    parts = _AFTER_A_SPLIT.sub("'", text)
    return f"'{parts}" if _BEGINS_A_FORMULA.match(text) else parts


class Sheet(Protocol):
    """A file that is being written row by row; it knows how many there are and the hash of its bytes."""

    rows: int
    size: int

    def add(self, row: Row) -> None:
        """Write one row."""

    @property
    def sha256(self) -> str:
        """The hash of all that was written."""


class _HashedFile:
    """Bytes on their way into a file, counted and hashed."""

    def __init__(self, out: IO[bytes]) -> None:
        self.rows = 0
        self.size = 0
        self._out = out
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The hash of all that was written."""
        return self._hash.hexdigest()

    def _put(self, data: bytes) -> None:
        self._out.write(data)
        self._hash.update(data)
        self.size += len(data)


class CsvSheet(_HashedFile):
    """Comma-separated values: UTF-8, a header, CRLF, every text between quotation marks."""

    def __init__(self, out: IO[bytes], columns: Sequence[str]) -> None:
        super().__init__(out)
        self._columns = columns
        self._line(columns)

    def add(self, row: Row) -> None:
        """Write one row; lists are joined by semicolons."""
        self._line([_cell(row[column]) for column in self._columns])
        self.rows += 1

    def _line(self, cells: Sequence[str | int]) -> None:
        line = StringIO(newline="")
        csv.writer(line, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n").writerow(cells)
        self._put(line.getvalue().encode())


class JsonLinesSheet(_HashedFile):
    """One JSON object a line, UTF-8, with every text as it was written."""

    def __init__(self, out: IO[bytes], columns: Sequence[str]) -> None:
        super().__init__(out)
        self._columns = columns

    def add(self, row: Row) -> None:
        """Write one row as an object with the columns as its keys."""
        self._put(orjson.dumps({column: row[column] for column in self._columns}) + b"\n")
        self.rows += 1


SHEETS: Mapping[str, type[CsvSheet] | type[JsonLinesSheet]] = {"csv": CsvSheet, "jsonl": JsonLinesSheet}
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl; charset=utf-8",
    "json": "application/json",
}


def _cell(value: Cell) -> str | int:
    """Return a value as a cell: numbers as they are, everything else as a text that is harmless."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, int):
        return "" if value is None else value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str | UUID):
        return harmless(str(value))
    return harmless("; ".join(_one(each) for each in value))


def _one(value: str | Mapping[str, object]) -> str:
    """Return one member of a list as words; a source says where it is from and what it quotes."""
    if isinstance(value, str):
        return value
    return ", ".join(str(part) for part in value.values() if part)
