"""Words of a question and of a text, as far as comparing them needs: stems, rarity, names, contrasts."""

import math
import re
from functools import cached_property, lru_cache

from coaching.providers.minilm_tokenizer import TextTokenizer

WORD = re.compile(r"\w+(?:['\u2019]\w+)?")
SILENT_WORDS = (
    "a an the of in on at to for from by with and or but as is are was were be been being do does did has have had "
    "having it its this that these those there their they them he she his him her we our us you your i my me what "
    "which who whom whose when where why how if then than so such not no nor can could may might must shall should "
    "will would about into over after before between during through also any each other some many much more most "
    "one please tell explain"
)
SILENT = frozenset(SILENT_WORDS.split())
"""Words that say nothing about the subject."""
CONTRASTING = (
    "before after least most first last only less fewer more never always without except earliest latest "
    "largest smallest highest lowest previous next other besides"
)
CONTRASTS = frozenset(CONTRASTING.split())
"""Words that turn a question round while its subject stays the same."""
NEGATING = "not no never cannot without neither nor none unlike except fail failed unable"
NEGATIONS = frozenset(NEGATING.split())
SUFFIXES = (
    ("ies", "y", 5), ("sses", "ss", 5), ("ing", "", 6), ("edly", "", 7), ("ed", "", 5), ("ly", "", 6),
    ("es", "", 5), ("s", "", 4), ("e", "", 4),
)  # fmt: skip
IRREGULAR = """
began begun begin; broke broken break; brought bring; built build; bought buy; caught catch; chose chosen choose
came come; dealt deal; drew drawn draw; drove driven drive; fell fallen fall; felt feel; fought fight; found find
flew flown fly; forgot forgotten forget; gave given give; went gone go; grew grown grow; held hold; kept keep
knew known know; laid lay; led lead; left leave; lent lend; lost lose; made make; meant mean; met meet; paid pay
ran run; rose risen rise; said say; saw seen see; sold sell; sent send; shown show; spoke spoken speak; spent spend
stood stand; stole stolen steal; struck strike; swam swum swim; took taken take; taught teach; told tell
thought think; threw thrown throw; understood understand; woke woken wake; wore worn wear; won win
wrote written write; died die; born birth; men man; women woman; children child; people person; lives life; wives wife
"""
"""Forms, and last of each group the word that they belong to."""
REGULAR = {form: group.split()[-1] for group in re.split(r"[;\n]", IRREGULAR) for form in group.split()[:-1]}
PREFIX = 5
PREFIX_FROM = 6
"""Words of so many letters that share their first five are taken for relatives: negotiate, negotiation."""


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Return what is left of a lower-case word without the commonest English endings and irregular forms."""
    word = re.sub(r"['\u2019]s?$", "", word)
    word = REGULAR.get(word, word)
    for ending, instead, fewest in SUFFIXES:
        if word.endswith(ending) and len(word) >= fewest and not (ending == "s" and word.endswith("ss")):
            return word[: -len(ending)] + instead
    return word


def stems(text: str) -> list[str]:
    """Return the stems of the words of `text` that say something, in order."""
    return [stem(word) for word in WORD.findall(text.lower()) if word not in SILENT]


def is_negated(text: str) -> bool:
    """Whether `text` denies something."""
    words = WORD.findall(text.lower().replace("\u2019", "'"))
    return any(word in NEGATIONS or word.endswith("n't") for word in words)


def contrasts(text: str) -> frozenset[str]:
    """Return the words of `text` that would change its meaning if they were others."""
    return CONTRASTS.intersection(WORD.findall(text.lower()))


class Rarity:
    """How rare a word is in general, 0.15 to 1, from its rank in the vocabulary of the embedding model.

    The vocabulary is ordered by frequency; a word that it has only in pieces is rare.
    """

    COMMONEST, WORDS, LAST = 1000, 30, 29_000

    @cached_property
    def _tokenizer(self) -> TextTokenizer:
        return TextTokenizer()

    def __call__(self, word: str) -> float:
        """Return the rarity of `word`."""
        pieces = self._tokenizer.ids(word)
        if len(pieces) != 1:
            return 1.0
        rank = max(pieces[0] - self.COMMONEST, self.WORDS)
        return max(0.15, min(1.0, math.log(rank / self.WORDS) / math.log(self.LAST / self.WORDS)))
