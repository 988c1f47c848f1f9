"""The command `pix2pix-page`: what it says before it serves, and what reaches the server."""

import signal
import socket
import sys
from functools import partial

import pytest
from PIL import Image

from pix2pix_jax.commands import page

LOCAL = {"127.0.0.1", "localhost", "[::1]"}


@pytest.fixture
def run(run, generator_file, monkeypatch):
    """Runs the command; what it changes in its process is undone."""
    before = {ending: signal.getsignal(ending) for ending in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(page, "_warm_up", lambda *_: None)
    yield partial(run, page.main, "--checkpoint", generator_file)
    for ending, handler in before.items():
        signal.signal(ending, handler)


@pytest.fixture
def served(monkeypatch):
    """Stands in for the server; gets the application's arguments: maker, pixels, password, root path, hosts."""
    uvicorn = pytest.importorskip("uvicorn", reason="the page's server is not installed")
    from pix2pix_jax.page import serving

    calls: list = []
    monkeypatch.setattr(serving, "build_app", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_: None)
    return calls


def test_this_machine_alone_unless_told_otherwise(served, run):
    status, (line,), err = run("--port", "0")
    assert (status, err) == (0, [])
    assert line.startswith("the page is at http://127.0.0.1:")
    ((maker, *others),) = served
    assert others == [178_956_970, None, "", LOCAL]
    assert maker.generator.config.image_size == 32


@pytest.mark.parametrize(
    ("flags", "password", "open_to_all"),
    [(["--host", "0.0.0.0"], "", True), (["--host", "0.0.0.0"], "x", False), (["--host", "localhost"], "", False)],
)
def test_an_open_page_is_told(served, run, monkeypatch, flags, password, open_to_all):
    if password:
        monkeypatch.setenv("PIX2PIX_PAGE_PASSWORD", password)
    status, _, err = run(*flags, "--port", "0")
    assert status == 0
    assert ["everybody who can reach" in line for line in err] == [True] * open_to_all
    assert served[0][-1] == (LOCAL if flags[-1] == "localhost" else None)


def test_flags_reach_the_server(served, run, tmp_path, monkeypatch):
    (tmp_path / "word").write_text("sesame\n")
    assert run("--port", "0", "--password-file", "word", "--max-megapixels", "3")[0] == 0
    assert Image.MAX_IMAGE_PIXELS == 1_500_000
    monkeypatch.setenv("PIX2PIX_PAGE_PASSWORD", "open")
    assert run("--port", "0", "--root-path", "/colour/")[0] == 0
    monkeypatch.delenv("PIX2PIX_PAGE_PASSWORD")
    assert run("--port", "0", "--root-path", "/")[0] == 0
    assert [call[1:] for call in served] == [
        (3_000_000, "sesame", "", None),
        (178_956_970, "open", "/colour", None),
        (178_956_970, None, "", None),
    ]


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_password_that_is_none_is_refused(served, run, tmp_path, content):
    if content is not None:
        (tmp_path / "word").write_text(content)
    status, _, (error,) = run("--password-file", "word")
    assert status == 1
    assert "password" in error
    assert not served


def test_taken_port(served, run):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, _, (error,) = run("--port", port)
    assert status == 1
    assert error.startswith(f"error: nothing can listen at 127.0.0.1, port {port} (Address already in use): give")
    for host in ("a..b", "x" * 300):
        assert f"nothing can listen at {host}" in run("--host", host)[2][-1]


def test_without_its_libraries(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    status, _, (error,) = run()
    assert status == 1
    assert "pip install 'pix2pix-jax[web]'" in error
