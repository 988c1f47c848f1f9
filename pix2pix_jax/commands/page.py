"""A page in the browser that colours photographs or translates images: `pix2pix-page [--checkpoint RUN_OR_FILE]`."""

import argparse
import contextlib
import ipaddress
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pix2pix_jax.commands import cli, images
from pix2pix_jax.commands.arguments import add_flags, load_generator, make_parser, number, positive_int
from pix2pix_jax.errors import UserError

if TYPE_CHECKING:
    from pix2pix_jax.inference import TrainedGenerator

_VARIABLE = "PIX2PIX_PAGE_PASSWORD"


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command, until Ctrl-C or SIGTERM."""
    cli.run_command(lambda: _serve(_parser().parse_args(arguments)), lambda: True)


def _parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "pix2pix-page",
        description="Serves a page for the browser, on which photographs are coloured as pix2pix-colorize does it; with"
        " a generator that was trained on pairs, images are translated as pix2pix-translate does it. Nothing is loaded"
        " from elsewhere, and nothing that visitors give is kept.",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen at (default: %(default)s, for this machine alone); 0.0.0.0 lets other machines in",
    )
    parser.add_argument(
        "--port",
        type=number(int, 0, 65535),
        default=7860,
        metavar="N",
        help="port to listen at (default: %(default)s); 0 for a free one",
    )
    parser.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help=f"what visitors are asked for, with any name, is the first line of FILE; the variable {_VARIABLE} does the"
        " same",
    )
    parser.add_argument(
        "--root-path",
        default="",
        metavar="PATH",
        help="path under which a reverse proxy offers it, as /colour; / where that is all of a name",
    )
    parser.add_argument(
        "--tile",
        type=positive_int,
        default=1024,
        metavar="N",
        help="of a generator trained on pairs: make larger images of squares of about that side, see pix2pix-translate"
        " (default: %(default)s)",
    )
    add_flags(parser, "--checkpoint", "--max-megapixels", "--test-time", "--seed")
    parser.set_defaults(step=None)
    return parser


def _serve(options: argparse.Namespace) -> None:
    try:
        import python_multipart  # noqa: F401 - without which Starlette takes no file
        import uvicorn

        from pix2pix_jax.page.serving import Maker, build_app
    except ImportError as error:
        raise UserError(f"the page needs what is not installed ({error}): pip install 'pix2pix-jax[web]'") from error

    images.set_limits(options)
    password, here = _password(options), _is_this_machine(options.host)
    if password is None and not here:
        print(
            f"note: everybody who can reach {options.host} can use the page: give --password-file to ask for one",
            file=sys.stderr,
        )
    # Names that lead here are others' to give; a proxy has its own, and a password is not sent to the wrong name.
    closed = here and password is None and not options.root_path
    hosts = frozenset({options.host, "localhost", "127.0.0.1", "[::1]"}) if closed else None
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    listening = _listening(options.host, options.port)
    with contextlib.suppress(KeyboardInterrupt), listening as listener, _own_temporary_folder():
        maker = Maker(load_generator(options), options.tile, options.seed)
        pixels = round(options.max_megapixels * 1_000_000)
        root_path = options.root_path.strip("/")
        app = build_app(maker, pixels, password, f"/{root_path}" if root_path else "", hosts)
        # Waited for at the end, since XLA cannot be left in the middle.
        threading.Thread(target=_warm_up, args=[maker.generator]).start()
        host = f"[{options.host}]" if ":" in options.host else options.host
        print(f"the page is at http://{host}:{listener.getsockname()[1]}/ (Ctrl-C ends it)", flush=True)
        quiet: Any = {"log_config": None, "log_level": "warning", "access_log": False}
        config = uvicorn.Config(app, server_header=False, ws="none", timeout_graceful_shutdown=1, **quiet)
        uvicorn.Server(config).run([listener])


@contextlib.contextmanager
def _own_temporary_folder() -> Iterator[None]:
    """Keeps what visitors send in a folder that goes when the server ends."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="pix2pix-page-") as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:  # the latter of names that no host has
        of_name = isinstance(error, socket.gaierror)  # whose numbers are not the system's
        code = error.errno if isinstance(error, OSError) else None
        reason = os.strerror(code) if code is not None and not of_name else getattr(error, "strerror", error)
        raise UserError(
            f"nothing can listen at {host}, port {port} ({reason}): give another --port or --host"
        ) from error


def _warm_up(generator: "TrainedGenerator") -> None:
    """Compiles what the first visitor would wait for."""
    from pix2pix_jax.inference import Point, colorize, translate

    side = generator.config.image_size
    image = np.zeros((side, side, generator.config.task.condition_channels), np.uint8)
    with contextlib.suppress(UserError):
        (translate if generator.translates else colorize)(image, generator)
        if generator.takes_points:
            colorize(image, generator, points=[Point(0, 0, "gray")])


def _password(options: argparse.Namespace) -> str | None:
    """The password that was given, in whatever way, which must not be empty."""
    password = os.environ.get(_VARIABLE)
    if options.password_file is not None:
        try:
            password = next(iter(options.password_file.read_text(encoding="utf-8").splitlines()), "")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"--password-file {options.password_file} cannot be read ({error})") from error
    if password == "":
        raise UserError("the page's password is empty: give one, or none at all")
    return password


def _is_this_machine(host: str) -> bool:
    """Whether other machines cannot reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
