"""The one error that is the user's to mend, and what helps to word it."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user gave cannot be used.

    The message is one line: what was given, what was wanted, what to do. Entry points print it and exit with a
    non-zero status, without a traceback.
    """


def nearest(given: str, known: Iterable[str], count: int = 1) -> str:
    """The known names closest to the one given, whatever their case, separated by commas, for an error message."""
    names = {name.lower(): name for name in known}
    return ", ".join(names[name] for name in difflib.get_close_matches(given.lower(), names, n=count, cutoff=0.0))
