"""WebVTT and SubRip: one block per cue, with speaker and time; small faults are read over."""

import html
import re
from collections import Counter
from dataclasses import dataclass

from knowledge.extraction.cleaning import one_line
from knowledge.extraction.document import Block, BlockKind, Cause, ExtractedDocument, ExtractionError
from knowledge.extraction.text_reader import decode

TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
TIMING = re.compile(rf"^\s*{TIME}\s*-->\s*{TIME}")
VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]{1,80})>", re.IGNORECASE)
TAG = re.compile(r"</?[a-z0-9][^>]{0,200}>", re.IGNORECASE)
NAME_WORD = r"[A-Z][\w.'\u2019-]{0,30}"
NAMED = re.compile(
    rf"^(>>+\s*)?(?:[-\u2013]\s*)?\[?((?:{NAME_WORD}|\d{{1,2}})(?:\s+(?:{NAME_WORD}|\d{{1,2}}|\([\w ]+\))){{0,4}})\]?:\s*(.*)$",
    re.DOTALL,
)
CHANGE = re.compile(r"^>>+\s*")
LANGUAGE = re.compile(r"^Language:\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)\s*$", re.MULTILINE)


@dataclass(slots=True)
class Cue:
    """One caption: seconds, its raw lines and the voice that its tag names."""

    start_s: float
    end_s: float
    text: str
    voice: str


def read_vtt(data: bytes) -> ExtractedDocument:
    """WebVTT as a document; a missing header is forgiven."""
    return _read("vtt", decode(data))


def read_srt(data: bytes) -> ExtractedDocument:
    """SubRip as a document."""
    return _read("srt", decode(data))


def _read(kind: str, text: str) -> ExtractedDocument:
    """Raises ExtractionError: empty for a header alone, malformed for text without any cue."""
    cues = [cue for cue in _cues(text) if cue.text]
    if not cues:
        words = text.strip().removeprefix("WEBVTT").strip()
        raise ExtractionError(Cause.malformed if words else Cause.empty, "no cue")
    names = _names(cues)
    language = LANGUAGE.search(text[:500])
    blocks = tuple(_block(cue, names) for cue in cues)
    return ExtractedDocument(kind, "", (), None, blocks, (), (), language[1] if language else "")


def _cues(text: str) -> list[Cue]:
    """Every timing line with the lines below it, up to an empty line or the next cue's number."""
    lines = text.split("\n")
    starts = [(at, match) for at, line in enumerate(lines) if (match := TIMING.match(line))]
    cues = []
    ends = [*(at for at, _ in starts[1:]), len(lines) + 1]
    for (at, match), following in zip(starts, ends, strict=False):
        payload = lines[at + 1 : following]
        cues.append(_cue(match, _own_lines(payload, is_last=following > len(lines))))
    return cues


def _own_lines(payload: list[str], *, is_last: bool) -> str:
    """The cue's lines: up to the first empty one; without one, the next cue's number is left out."""
    for at, line in enumerate(payload):
        if not line.strip():
            return "\n".join(payload[:at])
    if not is_last and payload and payload[-1].strip().isdigit():
        payload = payload[:-1]
    return "\n".join(payload)


def _cue(match: re.Match[str], payload: str) -> Cue:
    voice = VOICE.search(payload)
    text = html.unescape(TAG.sub("", payload)).strip()
    groups = match.groups()
    return Cue(_seconds(groups[:4]), _seconds(groups[4:]), text, one_line(voice[1]) if voice else "")


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = parts
    thousandths = int((fraction or "0").ljust(3, "0"))
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0) + thousandths / 1000


def _names(cues: list[Cue]) -> frozenset[str]:
    """Names before a colon that are surely speakers: in capitals, after ">>", or said twice."""
    matches = [match for cue in cues if not cue.voice and (match := NAMED.match(cue.text))]
    counts = Counter(match[2] for match in matches)
    return frozenset(match[2] for match in matches if match[1] or match[2].isupper() or counts[match[2]] > 1)


def _block(cue: Cue, names: frozenset[str]) -> Block:
    speaker, text = cue.voice, cue.text
    match = None if speaker else NAMED.match(text)
    if match and match[2] in names and match[3].strip():
        speaker, text = match[2], match[3]
    return Block(
        BlockKind.caption,
        one_line(CHANGE.sub("", text)),
        speaker=one_line(speaker),
        start_s=cue.start_s,
        end_s=cue.end_s,
    )
