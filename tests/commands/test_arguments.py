"""Flags that several commands have: values that cannot be are refused before anything is read."""

import pytest

import pix2pix_jax
from pix2pix_jax.commands import colorize, compare, evaluate, export, page, translate


@pytest.mark.parametrize("command", [colorize, compare, evaluate, export, page, translate])
def test_every_command_says_its_version(run, command):
    assert run(command.main, "--version") == (0, [f"pix2pix_jax {pix2pix_jax.__version__}"], [])


@pytest.mark.parametrize(
    ("command", "arguments", "named"),
    [
        (colorize, "", "give files or folders, or --from"),
        (colorize, "a.png --nonsense", "--nonsense"),
        (colorize, "a.png --saturation 0", "0 is not a number from 1e-06 to"),
        (colorize, "a.png --max-megapixels nan", "nan is not a number"),
        (colorize, "a.png --overwrite --skip-existing", "not allowed with"),
        (translate, "a.png", "--checkpoint"),
        (translate, "a.png --checkpoint x --test-time eval", "invalid choice: 'eval'"),
        (translate, "a.png --checkpoint x --tile 0", "0 is not an integer from 1 to 2147483647"),
        (page, "--seed 2147483648", "2147483648 is not an integer from 0 to 2147483647"),
        (page, "--port 65536", "65536 is not an integer from 0 to 65535"),
        (evaluate, "", "--data"),
        (export, "", "OUT"),
        (evaluate, "--data x stray", "stray"),
        (evaluate, "--data x --step last", "last is not an integer"),
        (compare, "--data x --steps=2 --minutes=1", "not allowed with"),
    ],
)
def test_usage(run, command, arguments, named):
    status, out, err = run(command.main, *arguments.split())
    assert (status, out) == (2, [])
    assert err[0].startswith(("usage: pix2pix-", "error: nothing is given"))
    assert named in err[-1]
