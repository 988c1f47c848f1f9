"""What every command does around its work: flags, the compilation cache, one line for an error."""

import errno
import io
import logging as std_logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import jax
from absl import app, flags, logging

from pix2pix_jax.commands import interrupts, pipes
from pix2pix_jax.config import all_keys
from pix2pix_jax.errors import UserError, nearest
from pix2pix_jax.files import cache_home


def run(main: Callable[[list[str]], None], default_config: Path, may_take_long: Callable[[], bool]) -> None:
    """Runs a command that has a flag `--config`, and exits.

    An error that is the user's to mend is printed as one line, and the exit status is 1.

    Args:
        main: takes the arguments that are no flags.
        default_config: config file where the flag is not given.
        may_take_long: see `interrupts.watched`.
    """
    # JAX reports every backend that it does not find.
    logging.set_verbosity(logging.WARNING)
    run_command(lambda: app.run(partial(_leaving, main), flags_parser=partial(_parse, default_config)), may_take_long)


def _leaving(main: Callable[[list[str]], None], arguments: list[str]) -> None:
    """Where a disk is full, what libraries do at exit fails again, at length: then the error's line is the last."""
    try:
        main(arguments)
    except UserError as error:
        full = os.strerror(errno.ENOSPC) in str(error)
        if jax.distributed.is_initialized() or not full:  # the other processes are to be told
            raise
        interrupts.leave(f"error: {error}", 1)


def run_command(main: Callable[[], int | None], may_take_long: Callable[[], bool] = lambda: False) -> int | None:
    """Runs a command, and gives what it returns.

    For an error that is the user's to mend it prints one line, and exits with status 1. After Ctrl-C it prints one line
    too, and the status is 130; see `interrupts.watched`. For output that nobody reads any more see `pipes.closable`.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files need not be UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    warnings.filterwarnings("ignore", module="PIL")  # of odd and large files, which notes and errors are about
    for name in ("absl", "asyncio"):
        std_logging.getLogger(name).addFilter(_nothing)
    with pipes.closable():
        try:
            with interrupts.watched(may_take_long):
                return main()
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(1)
        except KeyboardInterrupt:
            interrupts.leave("interrupted", interrupts.STATUS)


def _nothing(_: std_logging.LogRecord) -> bool:
    """Lets nothing through: of what goes wrong, which is one line here, Orbax logs dozens."""
    return False


def check_devices() -> None:
    """Has JAX look for its devices.

    Raises:
        UserError: if it finds none of the platform that was asked for.
    """
    try:
        jax.devices()
    except (AssertionError, ImportError, RuntimeError, ValueError) as error:
        wanted = os.environ.get("JAX_PLATFORMS", "")
        reason = " ".join(str(error).split())[:200] or "is its plugin installed?"
        raise UserError(f"JAX cannot start (JAX_PLATFORMS={wanted}): {reason}") from error


def use_compilation_cache() -> None:
    """Keeps compiled programs on the disk, where the user has not said otherwise, so that a second start is fast."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(cache_home() / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def _parse(default_config: Path, arguments: Sequence[str]) -> list[str]:
    known = all_keys()
    parts = {key.rsplit(".", 1)[0] for key in known if "." in key}
    for argument in arguments[1:]:
        match = re.match(r"--?config\.([^=]+)", argument)
        if match and match[1] not in known and match[1] not in parts:
            raise UserError(f"unknown config key {match[1]}: the nearest known one is {nearest(match[1], known)}")
    file, others = _split_config_flag(list(arguments[1:]))
    file = file or str(default_config)
    if not Path(file).is_file():
        raise UserError(f"there is no config file {file}: the experiments' lie in {default_config.parent}")
    # The file has to be known before its keys are read, so it goes first wherever it was given; ml_collections reads it
    # from sys.argv.
    sys.argv = [arguments[0], f"--config={file}", *others]
    try:
        return flags.FLAGS(sys.argv)
    except flags.Error as error:
        raise UserError(f"{str(error).splitlines()[0]} (--help lists the flags)") from error


def _split_config_flag(arguments: list[str]) -> tuple[str | None, list[str]]:
    """Takes `--config=FILE` or `--config FILE` out of the arguments."""
    for place, argument in enumerate(arguments):
        if argument in ("--config", "-config") and place + 1 < len(arguments):
            return arguments[place + 1], arguments[:place] + arguments[place + 2 :]
        if re.match("--?config=", argument):
            return argument.split("=", 1)[1], arguments[:place] + arguments[place + 1 :]
    return None, arguments
