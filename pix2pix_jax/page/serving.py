"""The server of the page: nothing is loaded from elsewhere, and nothing stays when it ends."""

import asyncio
import hmac
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

from pix2pix_jax.errors import UserError
from pix2pix_jax.page.guard import Guard, Limits
from pix2pix_jax.page.making import Maker

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pix2pix_jax.page.visits import Visits

# Gradio's own page says where other things may be had; browsers are told to load nothing but from here. Its scripts
# are partly in the page itself, and its canvas compiles some.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:;"
    " form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
]

_SWEEPING_SECONDS = 300.0
_UNOWNED_SECONDS = 3600.0  # how long files stay that belong to no visit: visits have links of their own
_BYTES_A_PIXEL = 8  # of the largest files that hold an image: 16 bits, with transparency


@dataclass(frozen=True)
class Serving:
    """How the page is served.

    Attributes:
        host: name or address to listen at.
        port: to listen at; 0 for a free one.
        password: what visitors are asked for; None for nothing.
        max_pixels: of an image.
        root_path: the path under which a reverse proxy offers the page; empty where there is none.
    """

    host: str
    port: int
    password: str | None
    max_pixels: int
    root_path: str = ""


def serve(maker: Maker, serving: Serving, folder: Path, ready: Callable[[str], object]) -> None:
    """Serves the page until the process is told to end (SIGINT or SIGTERM).

    Args:
        maker: what the page does.
        serving: how it is served.
        folder: where all that it writes goes, with a folder `uploads` that Gradio keeps its files in.
        ready: is told the page's address when browsers can open it.

    Raises:
        UserError: if nothing can listen there, or Gradio is not installed.
    """
    if find_spec("gradio") is None:
        raise UserError("the page needs Gradio, which is not installed: pip install 'pix2pix-jax[web]'")
    with _listening(serving.host, serving.port) as listener:
        warm = threading.Thread(target=_warm_up, args=(maker, folder / "warm"), daemon=True)
        warm.start()
        server = _server(maker, serving, folder)
        host = f"[{serving.host}]" if ":" in serving.host else serving.host
        ready(f"http://{host}:{listener.getsockname()[1]}/")
        server.run([listener])


def _warm_up(maker: Maker, folder: Path) -> None:
    folder.mkdir()
    with suppress(UserError):  # the visitor is told
        maker.warm_up(folder)


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        code = getattr(error, "errno", None)
        reason = os.strerror(code) if code is not None and code > 0 else error
        raise UserError(
            f"nothing can listen at {host}, port {port} ({reason}): give another --port or --host"
        ) from error


def _server(maker: Maker, serving: Serving, folder: Path) -> "uvicorn.Server":
    """A server that is not running yet."""
    import gradio as gr
    import uvicorn
    from fastapi import FastAPI

    from pix2pix_jax.page.examples import write_examples
    from pix2pix_jax.page.layout import build_page, make_theme
    from pix2pix_jax.page.visits import Visits

    for part in ("made", "programs", "examples"):
        (folder / part).mkdir()
    visits = Visits(folder / "made", maker.strength)
    limits = Limits(_BYTES_A_PIXEL * serving.max_pixels)
    page = build_page(maker, visits, folder, write_examples(folder / "examples"), limits)
    page.queue(default_concurrency_limit=1, api_open=False)  # nothing is made past the queue
    here = Path(__file__).parent
    app = gr.mount_gradio_app(
        FastAPI(lifespan=lambda _: _sweeping(visits, folder), docs_url=None, redoc_url=None),
        page,
        path="/",
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        allowed_paths=[str(folder / "made"), str(folder / "examples")],
        max_file_size=_BYTES_A_PIXEL * serving.max_pixels,
        root_path=serving.root_path or None,
        auth=None if serving.password is None else _checking(serving.password),
        auth_message="Give the password; any name will do.",
        theme=make_theme(),
        css_paths=here / "page.css",
        head=f"<script>{(here / 'page.js').read_text()}</script>",
    )

    app.add_middleware(Guard, folder=folder, limits=limits)
    app.add_middleware(_Policy)
    # A browser's tab keeps a connection for as long as it is open.
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))


class _Policy:
    """Puts `_POLICY` onto every answer, as a layer around an ASGI application."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        async def send_with_policy(message: "Message") -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await self._app(scope, receive, send_with_policy)


def _checking(password: str) -> Callable[[str, str], bool]:
    return lambda _, given: hmac.compare_digest(given.encode(), password.encode())


@asynccontextmanager
async def _sweeping(visits: "Visits", folder: Path) -> AsyncIterator[None]:
    """Deletes what belongs to nobody any more, while the server runs."""

    async def sweep() -> None:
        started = time()  # what is there already belongs to the page
        while True:
            await asyncio.sleep(_SWEEPING_SECONDS)
            await asyncio.to_thread(visits.sweep)
            for part in ("uploads", "programs"):
                await asyncio.to_thread(delete_old, folder / part, started, time() - _UNOWNED_SECONDS)

    task = asyncio.create_task(sweep())
    try:
        yield
    finally:
        task.cancel()


def delete_old(folder: Path, after: float, before: float) -> None:
    """Deletes the files in a folder, and in those within, that have come there between two times, s since 1970."""
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_file() and after < path.stat().st_ctime < before:
                path.unlink()
