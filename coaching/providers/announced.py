"""What a sentence announces and those behind it say: "We do so for three reasons." by itself answers nothing."""

import re
from collections.abc import Iterator

from coaching.providers.ports import SourceText
from coaching.providers.sentences import split_sentences

NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5}
ANNOUNCES = re.compile(
    r"(?<!\bthese )(?<!\bthose )(?<!\bthe )(?<!\blast )(?<!\ball )(?<!\bboth )(?<!\bother )(?<!\bfirst )"
    rf"\b({'|'.join(NUMBERS)})\s+(?:[\w-]+\s+)?"
    r"(?:reasons|steps|things|questions|parts|rules|stages|phases|conditions|ideas|roles|points|ways)\.$",
    re.IGNORECASE,
)


def announced(source: SourceText, position: int) -> Iterator[tuple[int, str]]:
    """Yield place and text of the sentences that the one at `position` of the source announces.

    They are of the same speaker and the same paragraph.
    """
    sentences = split_sentences(source.text)
    first = sentences[position]
    found = ANNOUNCES.search(first.text)
    if found is None:
        return
    speaker = source.speaker_at(first.start)
    for place in range(position + 1, min(len(sentences), position + 1 + NUMBERS[found[1].lower()])):
        said = sentences[place]
        is_apart = "\n\n" in source.text[first.end : said.start]
        if is_apart or not said.quotable or source.speaker_at(said.start) != speaker:
            return
        yield place, said.text
