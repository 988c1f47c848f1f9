"""Command-line arguments: what is wrong with them is said in one line."""

import argparse
from typing import NoReturn

from pix2pix_jax.errors import UserError


class Parser(argparse.ArgumentParser):
    """As `argparse.ArgumentParser`, but what is wrong raises UserError."""

    def error(self, message: str) -> NoReturn:
        """Raises UserError instead of printing the usage and ending the process."""
        raise UserError(f"{message} (--help lists the arguments)")


def positive_int(text: str) -> int:
    """An integer above 0, as the `type` of an argument."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not an integer above 0")
    return int(text)


def positive_float(text: str) -> float:
    """A number above 0, as the `type` of an argument."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value
