"""The server, as processes see it: its address, its password, its interface for programs, and its end."""

import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from helpers import save_image, smooth_images
from page.conftest import serving

from pix2pix_jax.commands import colorize
from pix2pix_jax.page.serving import delete_old

PHOTO = smooth_images(1, 40, seed=2)[0][:30]


def test_old_files_are_deleted(tmp_path):
    (tmp_path / "deep").mkdir()
    file = tmp_path / "deep/a.png"
    file.write_text("a")
    changed = file.stat().st_ctime
    delete_old(tmp_path, changed - 10, changed - 1)
    delete_old(tmp_path, changed + 1, changed + 10)
    assert file.exists()
    delete_old(tmp_path, changed - 1, changed + 1)
    assert not file.exists()


def status(address: str, path: str) -> int:
    try:
        with urllib.request.urlopen(address + path, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.process
def test_password(generator_file: Path, browser, tmp_path: Path):
    pytest.importorskip("gradio", reason="Gradio is not installed")
    with serving("--checkpoint", str(generator_file), "--password", "sesame", TMPDIR=str(tmp_path)) as (address, _):
        for path in (
            "config",
            "gradio_api/info",
            f"gradio_api/file={tmp_path}",
            "gradio_api/queue/data?session_hash=a",
        ):
            assert status(address, path) in (401, 403)
        page = browser.new_page()
        page.goto(address)
        for password in ("Sesame", "sesame"):
            page.get_by_label("username").fill("anybody")
            page.get_by_label("password").fill(password)
            page.get_by_role("button", name="Login").click()
            page.wait_for_timeout(1500)
            assert page.locator("#given").count() == (password == "sesame")
        page.context.close()


def ask_by_program(address: str, folder: Path, file: Path | str, strength: float) -> str:
    """What a program gets that asks the page for what it makes of a file, see `programs.py`."""
    arguments = [sys.executable, str(Path(__file__).with_name("programs.py")), address, str(folder), str(file)]
    return subprocess.run([*arguments, str(strength)], capture_output=True, text=True, check=True, timeout=300).stdout


@pytest.mark.process
def test_program_gets_what_the_command_makes_and_nothing_stays(generator_file: Path, tmp_path: Path):
    pytest.importorskip("gradio_client", reason="Gradio is not installed")
    photo = save_image(tmp_path / "photo.png", PHOTO)
    (tmp_path / "text.jpg").write_text("not an image")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with serving("--checkpoint", str(generator_file), TMPDIR=str(temporary)) as (address, process):
        made = ask_by_program(address, tmp_path / "got", photo, 0.3)
        wrong = ask_by_program(address, tmp_path / "got", tmp_path / "text.jpg", 0.3)
        assert wrong.startswith("text.jpg cannot be read: ")
        wrong = ask_by_program(address, tmp_path / "got", "https://example.org/a.png", 0.3)
        assert "403" in wrong  # an address elsewhere is fetched by nobody
        process.send_signal(signal.SIGINT)  # `serving` ends pages with SIGTERM
        assert process.wait(timeout=30) == 0
    flags = ["--checkpoint", str(generator_file), "--saturation", "0.3", "--out", str(tmp_path / "out")]
    assert colorize.main([str(photo), *flags]) == 0
    assert Path(made.strip()).read_bytes() == (tmp_path / "out/photo.png").read_bytes()
    assert list(temporary.iterdir()) == []
