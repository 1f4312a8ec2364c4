"""What a browser calls itself, in words that its owner recognizes: "Firefox on Windows"."""

import re

UNKNOWN = "A device that does not say what it is"

BROWSERS = (
    # Every browser also claims to be an older one: the most particular name comes first.
    (r"Edg(?:e|A|iOS)?/", "Edge"),
    (r"OPR/|Opera", "Opera"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"Vivaldi/", "Vivaldi"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"CrOS.*Chrome/|Chrome/|CriOS/|Chromium/", "Chrome"),
    (r"Version/.*Safari/", "Safari"),
)
SYSTEMS = (
    (r"iPhone|iPod", "iPhone"),
    (r"iPad", "iPad"),
    (r"Android", "Android"),
    (r"CrOS", "a Chromebook"),
    (r"Windows", "Windows"),
    (r"Macintosh|Mac OS X", "a Mac"),
    (r"Linux|X11", "Linux"),
)
PROGRAM = re.compile(r"([A-Za-z][A-Za-z0-9_.-]{0,39})/")


def in_words(user_agent: str) -> str:
    """Return the browser and the system that a `User-Agent` header names; never the header itself."""
    browser = _first(BROWSERS, user_agent)
    system = _first(SYSTEMS, user_agent)
    if browser and system:
        return f"{browser} on {system}"
    if browser or system:
        return browser or f"A browser on {system}"
    program = PROGRAM.match(user_agent)
    return f"A program called {program[1]}" if program and program[1] != "Mozilla" else UNKNOWN


def _first(names: tuple[tuple[str, str], ...], user_agent: str) -> str:
    """Return the first name whose pattern is found, or nothing."""
    return next((name for pattern, name in names if re.search(pattern, user_agent)), "")
