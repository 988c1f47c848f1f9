"""A page in the browser that colours photographs or translates images: `pix2pix-page [--checkpoint RUN_OR_FILE]`."""

import argparse
import contextlib
import ipaddress
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pix2pix_jax.commands import cli, images
from pix2pix_jax.commands.arguments import add_flags, load_generator, positive_int
from pix2pix_jax.errors import UserError

_VARIABLE = "PIX2PIX_PAGE_PASSWORD"


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command, until Ctrl-C or SIGTERM."""
    cli.run_command(lambda: _serve(_parser().parse_args(arguments)), lambda: True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "pix2pix-page",
        description="Serves a page for the browser, on which photographs are coloured as pix2pix-colorize does it; with"
        " a generator that was trained on pairs, images are translated as pix2pix-translate does it. Nothing is loaded"
        " from elsewhere, and what visitors give is deleted when they leave.",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen at (default: %(default)s, for this machine alone); 0.0.0.0 lets other machines in",
    )
    parser.add_argument(
        "--port", type=int, default=7860, help="port to listen at (default: %(default)s); 0 for a free one"
    )
    password = parser.add_mutually_exclusive_group()
    password.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help=f"what visitors are asked for, with any name, is the first line of FILE; the variable {_VARIABLE} does the"
        " same",
    )
    password.add_argument("--password", help="the same, but everybody on this machine can see it among the processes")
    parser.add_argument(
        "--root-path",
        default="",
        metavar="PATH",
        help="path under which a reverse proxy offers it, as /colour",
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
    from pix2pix_jax.page.making import Maker
    from pix2pix_jax.page.serving import Serving, serve

    images.set_limits(options)
    password = _password(options)
    if password is None and not _is_this_machine(options.host):
        print(
            f"note: everybody who can reach {options.host} can use the page: give --password-file to ask for one",
            file=sys.stderr,
        )
    for ending in (signal.SIGINT, signal.SIGTERM):  # so that the server's folder is deleted then
        signal.signal(ending, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        maker = Maker(load_generator(options), options.tile, options.seed)
        pixels = round(options.max_megapixels * 1_000_000)
        how = Serving(options.host, options.port, password, pixels, options.root_path)
        with tempfile.TemporaryDirectory(prefix="pix2pix-page-", ignore_cleanup_errors=True) as folder:
            _set_up_gradio(Path(folder) / "uploads")
            serve(
                maker,
                how,
                Path(folder),
                lambda address: print(f"the page is at {address} (Ctrl-C ends it)", flush=True),
            )


def _set_up_gradio(uploads: Path) -> None:
    """Has Gradio keep its files in a folder of ours, and report to nobody; it reads these when it is imported."""
    uploads.mkdir()
    tempfile.tempdir = str(uploads)  # else Gradio would leave what it is sent elsewhere, and for ever
    os.environ |= {
        "GRADIO_TEMP_DIR": str(uploads),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
    }


def _password(options: argparse.Namespace) -> str | None:
    """The password that was given, in whatever way, which must not be empty."""
    password = options.password if options.password is not None else os.environ.get(_VARIABLE)
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


if __name__ == "__main__":
    main()
