"""The one error that is the user's to mend."""


class UserError(Exception):
    """Something the user gave cannot be used.

    The message is one line: what was given, what was wanted, what to do. Entry points print it and exit with a
    non-zero status, without a traceback.
    """
