"""The command `pix2pix-page`: what it says before it serves."""

import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from pix2pix_jax.commands import page
from pix2pix_jax.page import serving


@pytest.fixture
def run(run, generator_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable]:
    """Runs the command; what it changes in its process is undone."""
    monkeypatch.setattr(tempfile, "tempdir", tempfile.tempdir)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    before = {ending: signal.getsignal(ending) for ending in (signal.SIGINT, signal.SIGTERM)}
    yield partial(run, page.main, "--checkpoint", generator_file)
    for ending, handler in before.items():
        signal.signal(ending, handler)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list:
    """Stands in for the server; gets what it would serve, and how."""
    calls: list = []

    def serve(maker, how, folder, ready) -> None:
        calls.extend([maker, how])
        ready("http://127.0.0.1:1/")

    monkeypatch.setattr(serving, "serve", serve)
    return calls


def test_this_machine_alone_unless_told_otherwise(served, run):
    assert run() == (0, ["the page is at http://127.0.0.1:1/ (Ctrl-C ends it)"], [])
    maker, how = served
    assert (how.host, how.port, how.password, how.max_pixels) == ("127.0.0.1", 7860, None, 178_956_970)
    assert maker.side == 32


@pytest.mark.parametrize(
    ("flags", "open_to_all"),
    [
        (["--host", "0.0.0.0"], True),
        (["--host", "::"], True),
        (["--host", "0.0.0.0", "--password", "x"], False),
        (["--host", "localhost"], False),
    ],
)
def test_an_open_page_is_told(served, run, flags, open_to_all):
    status, _, err = run(*flags)
    assert status == 0
    assert ["everybody who can reach" in line for line in err] == [True] * open_to_all


def test_flags_reach_the_server(served, run, tmp_path, monkeypatch):
    (tmp_path / "word").write_text("sesame\n")
    assert run("--password-file", "word", "--max-megapixels", "3")[0] == 0
    assert Image.MAX_IMAGE_PIXELS == 1_500_000
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("PIX2PIX_PAGE_PASSWORD", "open")
    assert run("--root-path", "/colour")[0] == 0
    assert (served[1].password, served[1].max_pixels) == ("sesame", 3_000_000)
    assert (served[3].password, served[3].root_path) == ("open", "/colour")


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_password_that_is_none_is_refused(served, run, tmp_path, content):
    if content is not None:
        (tmp_path / "word").write_text(content)
    status, _, (error,) = run("--password-file", "word")
    assert status == 1
    assert "password" in error
    assert not served


def test_taken_port(run, monkeypatch):
    monkeypatch.setattr(serving, "find_spec", lambda name: name)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, _, (error,) = run("--port", port)
    assert status == 1
    assert error.startswith(f"error: nothing can listen at 127.0.0.1, port {port} (Address already in use): give")


def test_without_gradio(run, monkeypatch):
    monkeypatch.setattr(serving, "find_spec", lambda name: None)
    status, _, (error,) = run()
    assert status == 1
    assert "pip install 'pix2pix-jax[web]'" in error
