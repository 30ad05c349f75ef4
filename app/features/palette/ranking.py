"""Which entries a person means by the words that are typed, the likeliest first."""

SEPARATORS = " _-.:("
"""What stands before the beginning of a word, also within a name such as ``track_sales``."""


def ranked(names: "list[str]", typed: str) -> "list[int]":
    """Return the positions of the names that have all typed words, in any case and order.

    First come names that begin with the text, then those in which a word begins with each typed
    word, then the others; each of the three in the order of ``names``, which are in lower case.
    """
    whole = typed.strip().lower()
    words = whole.split()
    if not words:
        return list(range(len(names)))
    first, second, others = [], [], []
    for number, name in enumerate(names):
        at_beginnings = True
        for word in words:
            if word not in name:
                break
            at_beginnings = at_beginnings and _begins_a_word(name, word)
        else:
            if name.startswith(whole):
                first.append(number)
            elif at_beginnings:
                second.append(number)
            else:
                others.append(number)
    return first + second + others


def _begins_a_word(name: str, word: str) -> bool:
    at = name.find(word)
    while at >= 0:
        if at == 0 or name[at - 1] in SEPARATORS:
            return True
        at = name.find(word, at + 1)
    return False
