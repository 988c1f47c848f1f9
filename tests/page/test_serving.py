"""The server, as processes see it: its address, its password, its interface for programs, and its end."""

import re
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers import save_image, smooth_images
from page.conftest import serving
from PIL import Image

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
            assert status(address, path) == 401
        page = browser.new_page()
        page.goto(address)
        for password in ("Sesame", "sesame"):
            page.get_by_label("username").fill("anybody")
            page.get_by_label("password").fill(password)
            page.get_by_role("button", name="Login").click()
            page.wait_for_timeout(1500)
            assert page.locator("#given").count() == (password == "sesame")
        page.context.close()


@pytest.mark.process
def test_program_gets_what_the_command_makes_and_nothing_stays(generator_file: Path, tmp_path: Path):
    client = pytest.importorskip("gradio_client", reason="Gradio is not installed")
    photo = save_image(tmp_path / "photo.png", PHOTO)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with serving("--checkpoint", str(generator_file), TMPDIR=str(temporary)) as (address, process):
        caller = client.Client(address, verbose=False, download_files=str(tmp_path / "got"))
        made = caller.predict(client.handle_file(photo), 0.3, api_name="/make")
        (tmp_path / "text.jpg").write_text("not an image")
        with pytest.raises(Exception, match=r"^text\.jpg cannot be read: "):
            caller.predict(client.handle_file(tmp_path / "text.jpg"), api_name="/make")
        caller.close()
        process.terminate()
        assert process.wait(timeout=30) == 0
    from pix2pix_jax.commands import colorize

    flags = ["--checkpoint", str(generator_file), "--saturation", "0.3", "--out", str(tmp_path / "out")]
    assert colorize.main([str(photo), *flags]) == 0
    assert Path(made).read_bytes() == (tmp_path / "out/photo.png").read_bytes()
    assert list(temporary.iterdir()) == []


@pytest.mark.process
def test_twenty_visitors_at_once(browser, tmp_path: Path):
    """Each gives a photograph of 12 megapixels; somebody who comes then sees a place in the queue."""
    client = pytest.importorskip("gradio_client", reason="Gradio is not installed")
    Image.fromarray(PHOTO).resize((4000, 3000)).convert("L").save(tmp_path / "large.jpg")
    with serving(TMPDIR=str(tmp_path)) as (address, process), ThreadPoolExecutor(20) as threads:

        def visit(number: int) -> tuple[int, int]:
            caller = client.Client(address, verbose=False, download_files=str(tmp_path / str(number)))
            made = caller.predict(client.handle_file(tmp_path / "large.jpg"), 1.0 + number / 20, api_name="/make")
            caller.close()
            with Image.open(made) as image:
                return image.size

        answers = [threads.submit(visit, number) for number in range(20)]
        page = browser.new_page()
        page.goto(address)
        page.get_by_role("button", name="Try: cat").click()
        page.locator("#status").get_by_text(re.compile(r"queue: \d+/\d+")).wait_for()
        page.locator("#status").get_by_text("1 coloured").wait_for(timeout=300_000)
        page.context.close()
        assert [answer.result(timeout=300) for answer in answers] == [(4000, 3000)] * 20
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
        assert peak is not None
        assert int(peak[1]) < 2e6


@pytest.mark.process
def test_first_photograph_comes_soon(browser, tmp_path: Path):
    """Nothing has been compiled on this machine before."""
    pytest.importorskip("gradio", reason="Gradio is not installed")
    with serving(TMPDIR=str(tmp_path), JAX_COMPILATION_CACHE_DIR=str(tmp_path / "cache")) as (address, _):
        page = browser.new_page()
        page.goto(address)
        page.locator("#given input[type=file]").wait_for(state="attached")
        begun = time.monotonic()
        page.get_by_role("button", name="Try: cat").click()
        page.locator("#status").get_by_text("1 coloured").wait_for()
        assert time.monotonic() - begun < 5.0
        page.context.close()
