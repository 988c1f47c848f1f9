import argparse

import pytest

from pix2pix_jax.commands.arguments import Parser, positive_float, positive_int, seed
from pix2pix_jax.errors import UserError


@pytest.mark.parametrize("text", ["0", "-3", "2.5", "many", ""])
def test_integers_above_0(text):
    assert positive_int("12") == 12
    with pytest.raises(argparse.ArgumentTypeError, match="is not an integer above 0"):
        positive_int(text)


@pytest.mark.parametrize("text", ["-1", "2.5", "nan", str(2**31), str(10**20), ""])
def test_seeds(text):
    assert seed("0") == 0
    with pytest.raises(argparse.ArgumentTypeError, match="is not an integer from 0 to 2147483647"):
        seed(text)


@pytest.mark.parametrize("text", ["0", "-3", "inf", "nan", "many", ""])
def test_numbers_above_0(text):
    assert positive_float("2.5") == 2.5
    with pytest.raises(argparse.ArgumentTypeError, match="is not a number above 0"):
        positive_float(text)


def test_what_is_wrong_is_the_users_to_mend():
    parser = Parser("name")
    parser.add_argument("--steps", type=positive_int)
    with pytest.raises(UserError, match=r"argument --steps: x is not an integer above 0 \(--help lists"):
        parser.parse_args(["--steps", "x"])
