"""The page's server: it keeps nothing, is closed to other sites' pages, and refuses what is too large or too much."""

import asyncio
import base64
import hmac
import io
import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from PIL import Image
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from pix2pix_jax.errors import UserError
from pix2pix_jax.page.making import Answer, Asked, Maker, file_for

_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}
_EXAMPLES = {"cat": "chelsea.png", "coffee": "coffee.png", "camera": "camera.png"}  # scikit-image's, CC0
_PRIVACY = "What you give goes to the computer that this page comes from, and is kept in your browser alone."
_LINE_BYTES = 2**18  # of what is asked for beside a file
_BYTES_A_PIXEL = 8  # of the largest files that hold an image: 16 bits, with transparency
_SECONDS = 900.0  # that a file may take to arrive
_ALL, _EACH = 32, 6  # requests at a time: of all addresses, and of one


def build_app(
    maker: Maker, max_pixels: int, password: str | None = None, root_path: str = "", hosts: frozenset[str] | None = None
) -> Starlette:
    """The page as an ASGI application.

    Args:
        maker: what it does.
        max_pixels: of an image. Files may have 8 bytes a pixel of that.
        password: what visitors are asked for, with any name; None for nothing.
        root_path: the path under which a reverse proxy offers the page, whether or not it takes the path off.
        hosts: the names by which browsers may call the server, against names that others let lead here; None for any.
    """
    quick, long, most = asyncio.Semaphore(1), asyncio.Semaphore(2), _BYTES_A_PIXEL * max_pixels
    task, generator = "translate" if maker.translates else "colorize", maker.generator
    about = {
        "task": task,
        "draw": maker.translates and maker.channels in (1, 3),
        "side": generator.config.image_size,
        "strength": generator.config.saturation,
        "points": generator.takes_points,
        "restores": task == "colorize",
        "drops": [],
        "limits": {"bytes": most, "pixels": max_pixels},
        "privacy": _PRIVACY,
        "examples": [{"name": f"{name}.png", "url": f"examples/{name}.png"} for name in _EXAMPLES],
    }

    def post(path: str, make: Callable[[Path, Asked], Answer], turn: asyncio.Semaphore) -> Route:
        async def answer(request: Request) -> Response:
            with tempfile.TemporaryDirectory(prefix="pix2pix-page-", ignore_cleanup_errors=True) as folder:
                asked, file = await asyncio.wait_for(_received(request, maker, Path(folder), most), _SECONDS)
                async with turn:  # previews take their own, so that none waits for a result
                    if await request.is_disconnected():
                        raise ClientDisconnect
                    content, told = await asyncio.to_thread(_made, make, file, asked)
            return Response(content, headers={"x-about": quote(json.dumps(told))})

        return Route(path, answer, methods=["POST"])

    routes: list[Any] = [
        Route("/describe", lambda _: JSONResponse(about)),
        Route("/examples/{name}.png", _example),
        post("/open", maker.open, long),
        post("/preview", maker.preview, quick),
        post("/result", maker.result, long),
        Mount("/", StaticFiles(directory=Path(__file__).parent / "static", html=True)),
    ]
    errors: Any = {
        UserError: lambda _, error: PlainTextResponse(str(error), 422),
        ClientDisconnect: lambda *_: Response(status_code=408),
        TimeoutError: lambda *_: Response(status_code=408),
    }
    if root_path:
        without_slash = Route(root_path, lambda _: RedirectResponse(f"{root_path}/"))
        routes = [without_slash, Mount(root_path, routes=routes), *routes]
    app = Starlette(routes=routes, exception_handlers=errors)
    app.add_middleware(_Guard, password=password, hosts=hosts, most=most + _LINE_BYTES)
    return app


async def _received(request: Request, maker: Maker, folder: Path, most: int) -> tuple[Asked, Path]:
    """Reads a line of JSON and, after it, a file."""
    line, chunks = b"", request.stream()
    async for chunk in chunks:
        line += chunk
        if b"\n" in line or len(line) > _LINE_BYTES:
            break
    line, _, content = line.partition(b"\n")
    asked = maker.read(line)
    file, size = file_for(asked, folder), 0
    with file.open("wb") as written:
        while content is not None:
            size += written.write(content)
            if size > most:
                raise HTTPException(413, f"{asked.name} is larger than {most // 10**6} MB, which is the most here")
            content = await anext(chunks, None)
    return asked, file


def _made(make: Callable[[Path, Asked], Answer], file: Path, asked: Asked) -> Answer:
    try:
        return make(file, asked)
    except UserError as error:
        raise UserError(asked.named(error, file)) from error


def _example(request: Request) -> Response:
    spec, name = find_spec("skimage"), _EXAMPLES.get(request.path_params["name"])
    if name is None or spec is None or spec.origin is None:
        raise HTTPException(404)
    file = io.BytesIO()
    with Image.open(Path(spec.origin).parent / "data" / name, formats=("PNG",)) as image:
        image.convert("L").save(file, "PNG")
    return Response(file.getvalue(), media_type="image/png")


class _Guard:
    """A layer around the application that refuses strangers and too much, and puts `_HEADERS` onto every answer."""

    def __init__(self, app: Any, password: str | None, hosts: frozenset[str] | None, most: int) -> None:
        self._app, self._password, self._hosts, self._most = app, password, hosts, most
        self._there: Counter[str] = Counter()  # requests that are worked on, by address

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        address, counts = request.client.host if request.client else "", request.method == "POST"
        if refusal := self._refusal(request, address):
            status, text, *headers = refusal
            await PlainTextResponse(text, status, *headers)(scope, receive, send_with_headers)
            return
        self._there[address] += counts
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            self._there -= Counter({address: int(counts)})  # forgets who has none

    def _refusal(self, request: Request, address: str) -> Any:
        """A status, a text, and further headers; None for what is let in."""
        headers, host = request.headers, request.headers.get("host", "")
        if self._hosts is not None and re.sub(r":\d+$", "", host) not in self._hosts:
            return 421, "This page answers to its own address alone: behind a proxy, start it with --root-path."
        if self._password is not None and not hmac.compare_digest(_given_password(headers), self._password.encode()):
            return 401, "The password is asked for, with any name.", {"www-authenticate": 'Basic realm="pix2pix"'}
        if request.method != "POST":
            return None
        site = headers.get("sec-fetch-site") or ("origin" in headers and urlsplit(headers["origin"]).netloc)
        if site not in (False, "same-origin", "none", host, headers.get("x-forwarded-host")):
            return 403, "Another site's page may not use this one."
        if int(headers.get("content-length", 0)) > self._most:
            return 413, f"This is larger than {self._most // 10**6} MB, which is the most here."
        if self._there.total() >= _ALL or self._there[address] >= _EACH:
            return 429, "The server has much to do: trying again until it has time", {"retry-after": "2"}
        return None


def _given_password(headers: Any) -> bytes:
    try:
        return base64.b64decode(headers.get("authorization", "").removeprefix("Basic ")).partition(b":")[2]
    except ValueError:
        return b""
