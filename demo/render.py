"""Renders the documents of the demonstration: `python -m demo.render --out DIR`."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from demo import pdf, word
from demo.markdown import Block, read

SOURCES = Path(__file__).parent
HANDBOOK_TITLE = "The Riverbend Handbook of Professional Learning Communities"
HANDBOOK_AUTHORS = ("Maren Oyelaran", "Tobias Lindqvist", "Priya Castellane")
HANDBOOK_YEAR = 2026
PUBLISHER = "Riverbend Schools"
AGENDA_TITLE = "Team meeting agenda"
AGENDA_AUTHOR = "Tess Alvarado"

_DATED = datetime(HANDBOOK_YEAR, 8, 1, 9, tzinfo=UTC)
_APPENDICES = 2


def handbook_sources() -> tuple[tuple[Block, ...], ...]:
    """Return the blocks of every chapter of the handbook in order, the front chapter first."""
    return tuple(read(path) for path in sorted((SOURCES / "handbook").glob("*.md")))


def render_handbook(path: Path) -> None:
    """Write the handbook as a PDF; the bytes are the same each time."""
    about, *chapters = handbook_sources()
    numbered = len(chapters) - _APPENDICES
    kickers = [f"Chapter {number}" for number in range(1, numbered + 1)]
    kickers += [f"Appendix {letter}" for letter in "AB"[:_APPENDICES]]
    book = pdf.Book(
        title=HANDBOOK_TITLE,
        authors=HANDBOOK_AUTHORS,
        publisher=PUBLISHER,
        edition="First edition",
        year=HANDBOOK_YEAR,
        subject="How teams of educators at Riverbend Schools learn together",
        front=(about,),
        chapters=tuple(chapters),
        kickers=tuple(kickers),
    )
    pdf.write(book, path)


def render_agenda(path: Path) -> None:
    """Write the agenda as a Word document; the bytes are the same each time."""
    word.write(read(SOURCES / "agenda.md"), path, title=AGENDA_TITLE, author=AGENDA_AUTHOR, at=_DATED)


def render_all(folder: Path) -> list[Path]:
    """Write every document of the demonstration into the folder, made if missing, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    handbook, agenda, transcript = (
        folder / name for name in ("handbook.pdf", "agenda.docx", "transcript.vtt")
    )
    render_handbook(handbook)
    render_agenda(agenda)
    transcript.write_bytes((SOURCES / "transcript.vtt").read_bytes())
    return [handbook, agenda, transcript]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m demo.render",
        description="Render the demonstration's handbook (PDF) and agenda (DOCX) and copy its transcript (VTT).",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to write into")
    options = parser.parse_args(arguments)
    try:
        written = render_all(options.out)
    except OSError as error:
        sys.stderr.write(f"Could not write the documents: {error}\n")
        return 1
    for path in written:
        sys.stdout.write(f"{path}\t{path.stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
