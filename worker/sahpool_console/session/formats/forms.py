"""The forms that values of tables have: numbers, dates, times, addresses, names and so on.

Where a file is split at the right places, most of its fields have one of these forms; where it is
split at wrong ones, many have none. So they tell how a file is written (``dialect``), and a header
from the values below it (``headers``).
"""

import re
from functools import lru_cache

__all__ = ["EMPTY", "NUMBER", "WORDS", "form"]

EMPTY, NUMBER, WORDS = "empty", "number", "words"
"""The forms that other modules ask for by name."""

_LONGEST = 500
"""Characters of a value that is looked at; a longer one is taken for words."""

_FORMS = re.compile(
    r"""
      (?P<empty> \s* )
    | (?P<number>
        [-+]? (?: [0-9]+ (?:[.,][0-9]*)? | [.,][0-9]+ ) (?: [eE][-+]?[0-9]+ )?
      | [-+]? [0-9]{1,3} (?: ,[0-9]{3} )+ (?: \.[0-9]+ )?
      | [-+]? [0-9]{1,3} (?: \.[0-9]{3} )+ (?: ,[0-9]+ )?
      | [-+]? [0-9]{1,3} (?: [ '’\u00a0\u2009\u202f][0-9]{3} )+ (?: [.,][0-9]+ )?
      )
    | (?P<datetime>
        (?: [0-9]{4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?
          | [0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:[0-9]{4}|[0-9]{2})
          | [0-9]{1,2}[-/ ]?[A-Za-z]{3,9}\.?[-/, ]+(?:[0-9]{4}|[0-9]{2})
          | (?:[A-Za-z]{3},?[ ])?[A-Za-z]{3,9}[ ][0-9]{1,2},?[ ][0-9]{4}
        )
        (?: (?:[T ]|,[ ])? [ ]? [0-9]{1,2}:[0-9]{2}(?: :[0-9]{2}(?:[.,][0-9]+)? )?
            [ ]?(?: [AaPp]\.?[Mm]\.? | Z | UTC | GMT )? (?: [ ]?[-+][0-9]{2}:?[0-9]{2} )? )?
      )
    | (?P<time> -?[0-9]{1,2}:[0-9]{2}(?: :[0-9]{2}(?:[.,][0-9]+)? )?(?: [ ]?[AaPp][Mm] )? )
    | (?P<measure>
        [-+]? [$€£¥₹] [ ]? [-+]? [0-9][0-9.,' \u00a0]* (?: [KkMmBb]n? )?
      | [-+]? [0-9][0-9.,' \u00a0]* [ ]? (?: [%‰$€£¥₹°] | [A-Z]{3} | [kKMGT]?[bBgmWVAs] )
      | \( [0-9][0-9.,]* \)
      )
    | (?P<missing> NA | N/A | n/a | NaN | nan | NULL | null | None | \\N | - | -- | \? | \#N/A )
    | (?P<address>
        [a-z][a-z0-9+.-]*://[^\s"<>]+
      | (?:www\.)?[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|io|de|uk|info)(?:/[^\s"<>]*)?
      | (?:mailto:)?[\w.+-]+@[\w-]+(?:\.[\w-]+)+
      | [0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]+)?(?:/[0-9]+)?
      | (?:/|[A-Za-z]:\\|\.{1,2}/)[\w./\\ -]*
      )
    | (?P<code>
        [0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}
      | \#?[\w.]+(?:[-/:+][\w.]+)*
      | \+?[0-9()][0-9() .-]{5,}[0-9]
      )
    | (?P<words>
        [\w(¿¡“„«‘$€£@\#&*+]
        [\w()\[\]“”„«»‘’'`´.!?¿¡&/%$€£+°º²³@*…–—-]*
        (?: [ ]{1,2} [\w()\[\]“”„«»‘’'`´.!?¿¡&/%$€£+°º²³@*…–—-]+ )*
        [ ]?
      )
    | (?P<braced> \{.*\} | \[.*\] | <[^>]+>.* )
    """,
    re.VERBOSE,
)


@lru_cache(maxsize=20_000)
def form(value: str) -> str | None:
    """The name of the form of a field, blanks around it left out; None when it has none.

    The forms are tried in their order: 12 is a number, though it could be a code as well.
    """
    if len(value) > _LONGEST:
        return WORDS
    match = _FORMS.fullmatch(value.strip(" "))
    return None if match is None else match.lastgroup
