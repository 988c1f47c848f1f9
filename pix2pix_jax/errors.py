"""The one error that is the user's to mend, and what helps to word it."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user gave cannot be used.

    The message is one line: what was given, what was wanted, what to do. Entry points print it and exit with a
    non-zero status, without a traceback.
    """


class UsageError(UserError):
    """The command line lacks something, or has what no command knows: the exit status is 2, as argparse's."""


def did_you_mean(given: str, known: Iterable[str], count: int = 1) -> str:
    """` (did you mean NAME?)` with the known names near the one given, whatever their case; "" where none is."""
    names = {name.lower(): name for name in known}
    near = ", ".join(names[name] for name in difflib.get_close_matches(given.lower(), names, n=count))
    return f" (did you mean {near}?)" if near else ""
