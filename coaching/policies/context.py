"""What the words before a phrase say about it: who speaks, and whether they deny it.

Each function walks back from the phrase over words that keep the sense ("really", "thinking about") and stops
at the first word that decides, or that it does not know.
"""

from collections.abc import Sequence


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_DENIALS = _words(
    "not never no nor neither without dont doesnt didnt wont wouldnt arent isnt wasnt havent hasnt aint "
    "cannot cant couldnt nobody"
)
_KEPT_BY_DENIAL = _words(
    "really actually actively currently planning plan plans going gonna trying about want wants wanted "
    "wanna to be been being feel feels feeling felt having have has had any a an the of or and thinking "
    "think thought thoughts considering consider considered ever even at all intending intend intention "
    "intent urge urges desire desires do doing does did anything that would will hurt hurting harm "
    "harming cut kill killing on am saying say said mean meaning contemplated contemplating attempted "
    "attempt tried try need needing wish wishing like feelings necessarily exactly quite so very myself "
    "either hell shell theyll anyone anybody actual active history risk danger immediate"
)
_SELF = _words("i im ive id ill me my myself mine")
_KEPT_BY_SELF = _words(
    "am are is was were be been being become feel feels feeling felt think thinks thinking thought "
    "thoughts about of on have having had has a an the to at it this that still really so very quite "
    "lately sometimes often always usually getting get planning plan plans planned want wants wanted "
    "wanting wanna gonna going go might will would could can may must just constantly keep keeps kept do "
    "did suffer suffering from struggle struggling with actively passively bit little kinda kind sort "
    "like extremely pretty again also even honestly literally seriously actually currently both depressed "
    "anxious tired sad alone lonely hopeless exhausted drained and or but try tried trying already now "
    "near start starting started makes make made making wish wished wishing hope hoping hoped need "
    "basically almost definitely only stop cant seem some few more dont know if how when why because "
    "contemplate contemplated contemplating consider considered considering attempt attempted attempting "
    "commit committed committing frequent persistent severe chronic intense dark past old own mind head "
    "thinkin feelin bout day days year years life night nights every all time been since for having them "
    "these those certain daily yes well idk ok okay please hey hi hello yeah yea lol maybe help much too "
    "badly rather"
)
_OTHERS = _words(
    "you he she they we who someone somebody people person everyone everybody students student kids kid "
    "children child pupils pupil teachers teacher parents parent characters character friend friends girl "
    "boy man woman men women which"
)
_NO_DENIAL_AFTER = _words("reason reasons if why unless until")


def not_denied(before: Sequence[str]) -> bool:
    """Whether the phrase is not clearly denied: "I would never …", "no plans to …" deny it.

    "The only reason I haven't …" and "if I don't …" do not.
    """
    for word in reversed(before):
        plain = word.strip(",-()")
        if plain in _DENIALS:
            return not _NO_DENIAL_AFTER.isdisjoint(before)
        if plain not in _KEPT_BY_DENIAL and not plain.endswith("ly"):
            return True
    return True


def said_of_oneself(before: Sequence[str]) -> bool:
    """Whether the writer plainly says it of themselves, or of nobody ("Feeling …"), and does not deny it."""
    return not_denied(before) and _reaches_self(before, through_anything=False)


def not_said_of_others(before: Sequence[str]) -> bool:
    """Whether the nearest person before the phrase is the writer, whatever stands between, and no denial."""
    return not_denied(before) and _reaches_self(before, through_anything=True)


def nobody_else(before: Sequence[str]) -> bool:
    """Whether no other person stands nearer before the phrase than the writer."""
    for word in reversed(before):
        plain = word.strip(",-()")
        if plain in _SELF or plain in _OTHERS:
            return plain in _SELF
    return True


def _reaches_self(before: Sequence[str], *, through_anything: bool) -> bool:
    strange = False
    for word in reversed(before):
        plain = word.strip(",-()")
        if plain in _SELF:
            return plain != "my" or not strange
        if plain in _OTHERS:
            return False
        if plain not in _KEPT_BY_SELF and not plain.endswith("ly"):
            strange = True
            if not through_anything:
                return False
    return not strange
