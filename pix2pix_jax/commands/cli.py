"""What every command does around its work: flags, the compilation cache, one line for an error."""

import argparse
import contextlib
import errno
import gc
import io
import logging as std_logging
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import jax
from absl import app, flags, logging

from pix2pix_jax import __version__
from pix2pix_jax.commands import interrupts
from pix2pix_jax.config import all_keys
from pix2pix_jax.errors import UsageError, UserError, did_you_mean
from pix2pix_jax.files import cache_home


def run(main: Callable[[list[str]], None], default_config: Path, may_take_long: Callable[[], bool]) -> None:
    """Runs a command that has a flag `--config`, and exits.

    Args:
        main: takes the arguments that are no flags.
        default_config: config file where the flag is not given.
        may_take_long: see `interrupts.watched`.
    """
    # JAX reports every backend that it does not find.
    logging.set_verbosity(logging.WARNING)
    run_command(lambda: app.run(main, flags_parser=partial(_parse, default_config)), may_take_long)


def run_command(main: Callable[[], int | None], may_take_long: Callable[[], bool] = lambda: False) -> int | None:
    """Runs a command, and gives what it returns.

    For an error that is the user's to mend it prints one line, and exits with status 1, or 2 for a UsageError. After
    Ctrl-C it prints one line too, and the status is 130; see `interrupts.watched`. Where nobody reads the output any
    more, as after `head`, it exits without a word and with the status that a shell gives a command that SIGPIPE ended.
    """
    for name in ("stdout", "stderr"):  # which a daemon may have closed
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    # While JAX traces, Python would look for garbage hundreds of times, among all that was imported: 0.3 s of a start.
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000, 20, 20)
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files need not be UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    warnings.showwarning = lambda message, *_: print(f"note: {one_line(message)}{_remedy(message)}", file=sys.stderr)
    warnings.filterwarnings("ignore", module="PIL")  # of odd and large files, which notes and errors are about
    # Where a checkpoint is damaged, Orbax drops what it had begun to read beside it.
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    for name in ("absl", "asyncio"):  # of what goes wrong, which is one line here, Orbax logs dozens
        std_logging.getLogger(name).addFilter(lambda _: False)
    try:
        try:
            with interrupts.watched(may_take_long):
                return main()
        except BrokenPipeError:
            raise
        except (UserError, ImportError, OSError, MemoryError, jax.errors.JaxRuntimeError) as error:
            line = f"error: {_explained(error)}"
            # Where a disk is full, what libraries do at exit fails again, at length: then this line is the last. But
            # other processes are told.
            if os.strerror(errno.ENOSPC) in str(error) and not jax.distributed.is_initialized():
                interrupts.leave(line, 1)
            print(line, file=sys.stderr)
            sys.exit(2 if isinstance(error, UsageError) else 1)
        except KeyboardInterrupt:
            interrupts.leave("interrupted", 128 + signal.SIGINT)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os._exit(128 + signal.SIGPIPE)  # sys.exit would try to write once more, and say so
    except OSError as error:  # as where a disk is full
        interrupts.leave(f"error: the output cannot be written: {error.strerror}", 1)


def one_line(text: object) -> str:
    """Text on one line that does nothing to a terminal: names of files, and of what is in them, hold anything."""
    return re.sub("[\0-\x1f\x7f-\x9f]", lambda found: repr(found[0])[1:-1], str(text))


def _remedy(warning: object) -> str:
    """JAX never replaces a compiled program that was cut short, as where the disk was full, and warns for ever."""
    damaged = "reading persistent compilation cache" in str(warning)
    place = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
    return f": delete {place}" if damaged else ""


def _explained(error: Exception) -> str:
    """What is wrong, in a line; raises the error again if it is none that the user can mend."""
    exhausted = "RESOURCE_EXHAUSTED" in str(error)
    if isinstance(error, MemoryError) or exhausted:
        return "the memory does not hold this: use smaller images or batches, or --tile where the command has it"
    if isinstance(error, jax.errors.JaxRuntimeError):
        raise error
    return one_line(error)


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
        with contextlib.suppress(UserError):  # a container's user may have no home
            jax.config.update("jax_compilation_cache_dir", str(cache_home() / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def _parse(default_config: Path, arguments: Sequence[str]) -> list[str]:
    known = all_keys()
    parts = {key.rsplit(".", 1)[0] for key in known if "." in key}
    for argument in arguments[1:]:
        match = re.match(r"--?config\.([^=]+)", argument)
        if match and match[1] not in known and match[1] not in parts:
            raise UsageError(f"unknown config key {match[1]}{did_you_mean(match[1], known)}; --help lists all")
    # The file has to be known before its keys are read, so it goes first wherever it was given; ml_collections reads it
    # from sys.argv.
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config", "-config", default=str(default_config))
    parser.add_argument("--version", action="version", version=f"pix2pix_jax {__version__}")
    given, others = parser.parse_known_args(arguments[1:])
    if not Path(given.config).is_file():
        raise UserError(f"there is no config file {given.config}: the experiments' lie in {default_config.parent}")
    sys.argv = [arguments[0], f"--config={given.config}", *others]
    try:
        return flags.FLAGS(sys.argv)
    except flags.Error as error:
        raise UsageError(f"{str(error).splitlines()[0]} (--help lists the flags)") from error
    except Exception as error:  # whatever the file does
        raise UserError(f"the config file {given.config} cannot be used: {type(error).__name__}: {error}") from error
