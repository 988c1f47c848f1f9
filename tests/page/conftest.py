"""Pages that really run, and a browser that looks at them."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from helpers import ROOT, save_image
from page.hands import PHOTOS

from pix2pix_jax.inference import TrainedGenerator, load_trained

READY = re.compile(r"the page is at (http\S+) ")
PATIENCE = 120_000  # ms: machines are busy


@contextlib.contextmanager
def serving(*arguments: str, port: int = 0) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Runs the command: its address, and its process, which is ended as `kill` does it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pix2pix_jax.commands.start", "page", "--port", str(port), *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = READY.match(line)
        assert found, line + process.communicate()[1]
        yield found[1], process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=60)
        finally:
            process.kill()


@pytest.fixture(scope="session")
def generator() -> TrainedGenerator:
    """The package's, which takes points."""
    return load_trained()


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Of a page that colours."""
    with serving() as (address, _):
        yield address


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A grey photograph of 96×64."""
    return save_image(tmp_path / "Großmutter 1944.png", PHOTOS[0][..., 0])


@pytest.fixture
def visit(browser) -> Iterator[Callable]:
    """Opens a page in a browser of its own: no other host may be asked, and nothing may go wrong on it."""
    contexts, hosts, wrong = [], set(), []

    def open_page(address: str, **options: object):
        hosts.add(urlsplit(address).netloc)
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options}))
        contexts[-1].set_default_timeout(PATIENCE)
        page = contexts[-1].new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: dialog.accept() if dialog.type == "confirm" else wrong.append(dialog.message))
        page.on("console", lambda message: wrong.append(message.text) if "Policy" in message.text else None)
        page.goto(address)
        return page

    asked: list[str] = []
    yield open_page
    for context in contexts:
        context.close()
    assert {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))} <= hosts
    assert wrong == []
