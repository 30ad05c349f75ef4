"""The texts that the page shows, by their keys in app/messages/en.toml.

The page's Python has no text of its own for people: a test looks for literals where a person would
read them, for keys that the catalogue lacks, for texts that nothing uses, and for parameters that
do not match.
"""

from messages.en import TEXTS


def text(key: str, **values: object) -> str:
    """Return the text of a key, with ``values`` in the place of its parameters.

    A plural is chosen by the value ``count``.

    Raises:
        KeyError: There is no such text, or no value for one of its parameters.
    """
    message = TEXTS[key]
    if not isinstance(message, str):
        one, other = message
        message = one if values["count"] == 1 else other
    return message.format(**values)


def has(key: str) -> bool:
    """Return whether there is a text of that key."""
    return key in TEXTS
