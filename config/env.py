"""Typed readers for the environment. They collect every problem, so that one start names them all."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

SECRET_LENGTH = 32
"""The shortest secret, in characters, that production accepts."""

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_EXAMPLES = ("change", "example", "insecure", "secret", "password", "placeholder", "your-", "xxxx", "test")


@dataclass(slots=True)
class Environment:
    """Reads settings from a mapping such as `os.environ`.

    A reader that finds something wrong notes it and returns a harmless value of the right type;
    `refuse_problems` then raises one error that names everything. `NAME_FILE` may hold the path of a file
    with the value of any setting that is read with `text` or `secret`.
    """

    values: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def text(self, name: str, default: str | None = None) -> str:
        """Return the text of a setting; without a default the setting is required."""
        value = self._raw(name)
        if value is None and default is None:
            self.problems.append(f"{name} is missing")
        return value if value is not None else (default or "")

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a yes or no: 1, true, yes, on, or 0, false, no, off."""
        value = self._raw(name)
        if value is None:
            return default
        if value.lower() in _TRUE | _FALSE:
            return value.lower() in _TRUE
        self.problems.append(f"{name} must be yes or no")
        return default

    def integer(self, name: str, default: int, *, least: int = 0) -> int:
        """Return a whole number that is not below `least`."""
        value = self._raw(name)
        if value is None:
            return default
        if not value.isdecimal() or int(value) < least:
            self.problems.append(f"{name} must be a whole number of at least {least}")
            return default
        return int(value)

    def words(self, name: str, default: tuple[str, ...] | None = ()) -> list[str]:
        """Return a comma-separated list; with `None` as its default it is required and never empty."""
        found = [word.strip() for word in (self._raw(name) or "").split(",") if word.strip()]
        if not found and default is None:
            self.problems.append(f"{name} is missing")
        return found or list(default or ())

    def secret(self, name: str) -> str:
        """Return a required secret that is long, varied and not the example of a handbook."""
        value = self._raw(name)
        if value is None:
            self.problems.append(f"{name} is missing")
            return ""
        if any(example in value.lower() for example in _EXAMPLES):
            self.problems.append(f"{name} looks like an example: make one of your own")
        elif len(value) < SECRET_LENGTH:
            self.problems.append(f"{name} is too short: it needs {SECRET_LENGTH} characters")
        elif len(set(value)) < SECRET_LENGTH // 4:
            self.problems.append(f"{name} repeats itself: make a random one")
        return value

    def key(self, name: str) -> str:
        """Return the key of a provider, empty without one: it travels in a header, so it is printable ASCII."""
        value = self._raw(name) or ""
        if value.isascii() and value.isprintable() and " " not in value:
            return value
        self.problems.append(f"{name} has a character that no key has: copy it again")
        return ""

    def address(self, name: str, default: str) -> str:
        """Return a base address, to which paths are added: with a host, and without a query or a name to sign in by."""
        value = self._raw(name) or default
        try:
            parts = urlsplit(value)
            is_base = (
                parts.scheme in {"http", "https"}
                and _is_host(parts.hostname or "")
                and "@" not in parts.netloc
            )
            is_base = is_base and parts.port != 0  # A port that is none is a ValueError.
        except ValueError:
            is_base = False
        if is_base and value.isascii() and value.isprintable() and not set("?# ") & set(value):
            return value
        self.problems.append(f"{name} must be a base address such as {default}")
        return default

    def given(self, name: str) -> bool:
        """Return whether the environment says anything about a setting."""
        return bool(self.values.get(name) or self.values.get(f"{name}_FILE"))

    def refuse_problems(self) -> None:
        """Raise `ImproperlyConfigured` with a line for each setting that was missing or wrong."""
        if self.problems:
            raise ImproperlyConfigured(
                "Sideline cannot start:\n" + "\n".join(f"- {p}" for p in dict.fromkeys(self.problems))
            )

    def _raw(self, name: str) -> str | None:
        """Return the stripped value, from the environment or from the file that it names; empty is none."""
        path = self.values.get(f"{name}_FILE")
        if path and name not in self.values:
            try:
                return Path(path).read_text(encoding="utf-8").strip() or None
            except (OSError, UnicodeDecodeError):
                self.problems.append(f"{name}_FILE names a file that cannot be read")
                return None
        return self.values.get(name, "").strip() or None


def _is_host(name: str) -> bool:
    """Whether this is an address or a name; those of containers have underscores."""
    return ":" in name or all(_LABEL.fullmatch(label) for label in name.removesuffix(".").split("."))
