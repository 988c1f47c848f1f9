"""The command `pix2pix-page`: what it says before it serves."""

import signal
import socket
import tempfile
from pathlib import Path

import pytest
from PIL import Image

from pix2pix_jax.commands import page as command
from pix2pix_jax.page import serving


@pytest.fixture(autouse=True)
def unchanged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """What the command changes in its process."""
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    monkeypatch.setattr(tempfile, "tempdir", tempfile.tempdir)
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "")
    before = {ending: signal.getsignal(ending) for ending in (signal.SIGINT, signal.SIGTERM)}
    yield
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


def test_this_machine_alone_unless_told_otherwise(served, generator_file, capsys):
    assert command.main(["--checkpoint", str(generator_file)]) == 0
    maker, how = served
    assert (how.host, how.port, how.password, how.max_pixels) == ("127.0.0.1", 7860, None, 178_956_970)
    assert maker.side == 32
    assert capsys.readouterr() == ("the page is at http://127.0.0.1:1/ (Ctrl-C ends it)\n", "")


@pytest.mark.parametrize(
    ("flags", "open_to_all"),
    [
        (["--host", "0.0.0.0"], True),
        (["--host", "::"], True),
        (["--host", "somewhere.example"], True),
        (["--host", "0.0.0.0", "--password", "x"], False),
        (["--host", "localhost"], False),
        (["--host", "::1"], False),
        (["--host", "127.0.0.2"], False),
    ],
)
def test_an_open_page_is_told(served, generator_file, capsys, flags, open_to_all):
    assert command.main(["--checkpoint", str(generator_file), *flags]) == 0
    assert capsys.readouterr().err.startswith("note: everybody who can reach") == open_to_all


def test_pixels_are_limited_as_the_commands_limit_them(served, generator_file):
    command.main(["--checkpoint", str(generator_file), "--max-megapixels", "3"])
    assert served[1].max_pixels == 3_000_000
    assert Image.MAX_IMAGE_PIXELS == 1_500_000


def test_taken_port(generator_file, capsys, monkeypatch):
    monkeypatch.setattr(serving, "find_spec", lambda name: name)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        with pytest.raises(SystemExit, match="1"):
            command.main(["--checkpoint", str(generator_file), "--port", port])
    error = capsys.readouterr().err
    assert error.startswith(f"error: nothing can listen at 127.0.0.1, port {port} (Address already in use): give")
    assert error.count("\n") == 1


def test_without_gradio(generator_file, capsys, monkeypatch):
    monkeypatch.setattr(serving, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="1"):
        command.main(["--checkpoint", str(generator_file)])
    assert capsys.readouterr().err == (
        "error: the page needs Gradio, which is not installed: pip install 'pix2pix-jax[web]'\n"
    )


def test_wrong_checkpoint(capsys, tmp_path):
    with pytest.raises(SystemExit, match="1"):
        command.main(["--checkpoint", str(tmp_path / "none")])
    assert capsys.readouterr().err.startswith("error: there is no run or file ")


def test_a_password_from_a_file_or_a_variable(served, generator_file, tmp_path, monkeypatch):
    (tmp_path / "word").write_text("sesame\n")
    assert command.main(["--checkpoint", str(generator_file), "--password-file", str(tmp_path / "word")]) == 0
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("PIX2PIX_PAGE_PASSWORD", "open")
    assert command.main(["--checkpoint", str(generator_file), "--root-path", "/colour"]) == 0
    assert [served[1].password, served[3].password, served[3].root_path] == ["sesame", "open", "/colour"]


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_password_that_is_none_is_refused(served, generator_file, tmp_path, capsys, content):
    if content is not None:
        (tmp_path / "word").write_text(content)
    with pytest.raises(SystemExit, match="1"):
        command.main(["--checkpoint", str(generator_file), "--password-file", str(tmp_path / "word")])
    assert capsys.readouterr().err.count("\n") == 1
    assert not served
