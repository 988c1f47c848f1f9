"""The page as a static folder, built with npm, on a server that knows nothing of it; and a browser that visits it."""

import functools
import http.server
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from helpers import ROOT

POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob: data:; object-src 'none'"


class Files(http.server.SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)  # which a worker obeys too, as none is in its file
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Server:
    """Serves a folder under a path, as hosts of many pages do."""

    def __init__(self, folder: Path) -> None:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=folder))
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/some/place/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources of the folder and of the page, apart from the working tree, with the runtime that npm gets."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm here")
    copy = tmp_path_factory.mktemp("sources")
    ignored = shutil.ignore_patterns("node_modules", "dist", "model")
    for folder in ("web", "pix2pix_jax/page/static"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    done = subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=copy / "web", capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"npm gets no packages here: {done.stderr.splitlines()[-1:]}")
    return copy / "web"


@pytest.fixture(scope="session")
def built(sources: Path) -> Path:
    """The folder that is served; what is published is `some/place` in it."""
    pytest.importorskip("jax2onnx", reason="jax2onnx, which makes the generator's files, is not installed")
    (sources / "model").mkdir()
    command = "from pix2pix_jax.commands.start import export; export()"
    subprocess.run([sys.executable, "-c", command, "--split", sources / "model/generator.onnx"], cwd=ROOT, check=True)
    subprocess.run(["npm", "run", "build"], cwd=sources, check=True)
    shutil.copytree(sources / "dist", sources / "served" / "some" / "place")
    return sources / "served"
