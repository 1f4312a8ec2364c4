"""The look of the handbook: colours, measures and paragraph styles, all from the standard PDF fonts."""

from typing import Any

from reportlab.lib.colors import HexColor, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm

PAGE_SIZE = PAGE_WIDTH, PAGE_HEIGHT = A4
LEFT = RIGHT = 26 * mm
TOP = 25 * mm
BOTTOM = 22 * mm
MEASURE = PAGE_WIDTH - LEFT - RIGHT

RIVER = HexColor("#1d4e5f")
SHALLOW = HexColor("#8fb3ba")
MIST = HexColor("#eef4f4")
CLAY = HexColor("#b5622a")
INK = HexColor("#20262a")
GREY = HexColor("#66727a")

SERIF, SERIF_ITALIC = "Times-Roman", "Times-Italic"
SANS, SANS_BOLD = "Helvetica", "Helvetica-Bold"


def _style(name: str, **settings: Any) -> ParagraphStyle:
    base = {"fontName": SERIF, "fontSize": 10.4, "leading": 14.1, "textColor": INK}
    return ParagraphStyle(name, **{**base, "allowWidows": 0, "allowOrphans": 0, **settings})


BODY = _style("body", spaceAfter=6)
LEAD_IN = _style("lead-in", spaceAfter=4, keepWithNext=1)
SUMMARY = _style(
    "summary",
    fontName=SERIF_ITALIC,
    fontSize=12.5,
    leading=17.5,
    textColor=RIVER,
    spaceBefore=4,
    spaceAfter=14,
)
KICKER = _style(
    "kicker", fontName=SANS_BOLD, fontSize=9.5, leading=12, textColor=CLAY, spaceAfter=3, keepWithNext=1
)
CHAPTER = _style(
    "chapter", fontName=SANS_BOLD, fontSize=25, leading=30, textColor=RIVER, spaceAfter=8, keepWithNext=1
)
SECTION = _style(
    "section",
    fontName=SANS_BOLD,
    fontSize=13.5,
    leading=17,
    textColor=RIVER,
    spaceBefore=11,
    spaceAfter=5,
    keepWithNext=1,
)
ITEM = _style("item", leftIndent=17, bulletIndent=3, spaceAfter=2.5)
LAST_ITEM = _style("last-item", parent=ITEM, leftIndent=17, bulletIndent=3, spaceAfter=9)
CELL = _style("cell", fontName=SANS, fontSize=9, leading=12.2)
HEAD_CELL = _style("head-cell", fontName=SANS_BOLD, fontSize=9, leading=12.2, textColor=white)
CAPTION = _style(
    "caption", fontName=SERIF_ITALIC, fontSize=9.5, leading=12.5, textColor=GREY, spaceBefore=4, spaceAfter=12
)
CALLOUT = _style("callout", fontSize=10.2, leading=13.9)
COVER_TITLE = _style("cover-title", fontName=SANS_BOLD, fontSize=33, leading=40, textColor=RIVER)
COVER_LINE = _style("cover-line", fontName=SANS, fontSize=12, leading=18, textColor=GREY)
CONTENTS_LINE = _style(
    "contents-line", fontSize=12, leading=17, spaceAfter=9.5, leftIndent=0, rightIndent=24, firstLineIndent=0
)
