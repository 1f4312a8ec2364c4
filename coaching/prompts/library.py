"""The prompt texts of this folder, each with a version and the hash of its bytes."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from coaching.providers.metered import PromptIdentity

FOLDER = Path(__file__).parent
FRONT_MATTER = re.compile(r"\A---\nversion: *(\S+)\n---\n")
BLANK = re.compile(r"\{\{(\w+)\}\}")


class MalformedPrompt(Exception):
    """A prompt file has no version, or a blank was left open or does not exist."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A versioned text with ``{{blanks}}``; `hash` is the sha256 of the whole file in hexadecimal."""

    name: str
    version: str
    hash: str
    text: str

    def fill(self, **values: str) -> str:
        """Fill every blank once; what is filled in is never looked at for further blanks."""
        blanks = set(BLANK.findall(self.text))
        if blanks != set(values):
            raise MalformedPrompt(f"{self.name}: blanks {sorted(blanks)}, values {sorted(values)}")
        return BLANK.sub(lambda blank: values[blank[1]], self.text)


def load(folder: Path = FOLDER) -> Mapping[str, Prompt]:
    """Read every ``*.md`` of `folder`; the file's name is the prompt's."""
    return MappingProxyType({path.stem: read(path) for path in sorted(folder.glob("*.md"))})


def read(path: Path) -> Prompt:
    """Read one prompt file; raise `MalformedPrompt` where its front matter has no version."""
    content = path.read_bytes()
    text = content.decode()
    front_matter = FRONT_MATTER.match(text)
    if front_matter is None:
        raise MalformedPrompt(f"{path.name} does not begin with its version")
    return Prompt(
        name=path.stem,
        version=front_matter[1],
        hash=hashlib.sha256(content).hexdigest(),
        text=text[front_matter.end() :].strip(),
    )


PROMPTS = load()


def identify(purpose: str) -> PromptIdentity:
    """Return the identity of the prompt that requests of `purpose` are made from."""
    prompt = PROMPTS.get(purpose)
    if prompt is None:
        return PromptIdentity()
    return PromptIdentity(name=prompt.name, version=prompt.version, hash=prompt.hash)
