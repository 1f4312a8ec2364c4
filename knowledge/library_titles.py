"""What a document is called before anybody named it."""

from pathlib import PurePath

LONGEST_TITLE = 300


def title_from(filename: str) -> str:
    """Return a title made from a file name: without ending, underscores as spaces."""
    stem = PurePath(filename.replace("\x00", "")).stem.replace("_", " ").strip()
    return stem[:LONGEST_TITLE] or "Untitled"
