"""The page's server. It makes what the commands make, keeps nothing, and refuses strangers and what is too much."""

import asyncio
import base64
import hmac
import io
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import quote

from PIL import Image
from starlette.applications import Starlette
from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from pix2pix_jax.errors import UserError
from pix2pix_jax.figures.drawing import displayed
from pix2pix_jax.inference import Point, TrainedGenerator
from pix2pix_jax.inference.colorizing import colorize_file
from pix2pix_jax.inference.inputs import condition_of
from pix2pix_jax.inference.photo_files import reading
from pix2pix_jax.inference.translating import translate_array, translated_name, write_translated
from pix2pix_jax.photos import upright_rgb, upright_size

_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self';"
_POLICY += " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS = {"content-security-policy": _POLICY, "x-content-type-options": "nosniff", "cache-control": "no-cache"}
_EXAMPLES = {"cat": "chelsea", "coffee": "coffee", "camera": "camera"}  # scikit-image's, CC0
_PREFIX = "pix2pix-page-"  # of the folders that hold what is sent
_SHOWN = 1024  # px: the longer side of pictures for the screen
_ASKED = 2**18  # bytes beside a file, at the most
_SECONDS = 900.0  # that a file may take to arrive
_ALL, _EACH, _AT_WORK = 32, 6, 2  # requests at a time: of all addresses, of one, and those that are not waiting

Made = tuple[bytes, dict[str, Any]]  # a file, and what the page is told beside it


class Maker(NamedTuple):
    """A generator at work for the page, with the `tile` and `seed` of the commands; what cannot be is a UserError."""

    generator: TrainedGenerator
    tile: int = 1024
    seed: int = 0

    def open(self, file: Path, *_: object) -> Made:
        """A JPEG picture of what the generator looks at, and the upright image's size, px."""
        if self.generator.translates:
            picture = Image.fromarray(displayed(condition_of([file], self.generator.config)))
            return _encoded(picture), {"width": picture.width, "height": picture.height}
        with reading(file) as image:
            width, height = upright_size(image)
            image.draft(None, (_SHOWN, _SHOWN))
            picture = Image.fromarray(upright_rgb(image)).convert("L")
        return _encoded(picture), {"width": width, "height": height}

    def result(self, file: Path, note: Callable[[str], object], asked: dict[str, Any]) -> Made:
        """The file that the command writes, byte by byte, and its name; `note` is told how the given one was read.

        Asked for are `strength`, `points` and whether to `restore`, of photographs; a picture where `shown` will do.
        """
        generator, folder = self.generator, file.parent / ".made"
        if generator.translates:
            condition = condition_of([file], generator.config, note)
            made = translate_array(condition, generator, self.seed, self.tile)
            if asked.get("shown"):
                return _encoded(Image.fromarray(displayed(made))), {}
            target = folder / translated_name(file, condition, generator.config).name
            write_translated(made, target, generator.config)
        else:
            generator = generator.with_saturation(asked.get("strength", generator.config.saturation))
            how = {"seed": self.seed, "points": asked["points"], "restore": asked.get("restore") is True}
            target, *_ = colorize_file(file, Path(file.name), generator, folder.joinpath, note, **how)
        return target.read_bytes(), {"name": target.name}


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
    generator, config, most = maker.generator, maker.generator.config, 8 * max_pixels
    there, turns = Counter[str](), asyncio.Semaphore(_AT_WORK)
    about = {
        "translates": generator.translates,
        "paper": config.image_size if generator.translates and config.task.condition_channels in (1, 3) else 0,
        "strength": config.saturation,
        "points": generator.takes_points,
        "bytes": most,
        "examples": [{"name": f"{name}.png", "url": f"examples/{file}.png"} for name, file in _EXAMPLES.items()],
    }

    def post(path: str, make: Callable[..., Made]) -> Route:
        async def answer(request: Request) -> Response:
            _check(request.headers, most)
            address = request.client.host if request.client else ""
            if there.total() >= _ALL or there[address] >= _EACH:
                raise HTTPException(429, "The server has much to do: trying again until it has time")
            there[address] += 1
            try:
                with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
                    file, asked = await asyncio.wait_for(_received(request, Path(folder)), _SECONDS)
                    notes: list[str] = []
                    async with turns:
                        content, told = await asyncio.to_thread(make, file, notes.append, asked)
                told["notes"] = [*map(_plain, notes)]
                return Response(content, headers={"x-about": quote(json.dumps(told)), "cache-control": "no-store"})
            finally:
                there.subtract([address])
                if not there[address]:
                    del there[address]

        return Route(path, answer, methods=["POST"])

    async def guard(request: Request, answer: Any) -> Response:
        response = _refusal(request.headers, password, hosts) or await answer(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    routes: list[Any] = [
        Route("/describe", lambda _: JSONResponse(about)),
        post("/open", maker.open),
        post("/result", maker.result),
        Mount("/examples", StaticFiles(packages=[("skimage", "data")])),
        Mount("/", StaticFiles(directory=Path(__file__).parent / "static", html=True)),
    ]
    if root_path:
        without_slash = Route(root_path, lambda _: RedirectResponse(f"{root_path}/"))
        routes = [without_slash, Mount(root_path, routes=routes), *routes]
    errors: Any = dict.fromkeys((ClientDisconnect, TimeoutError), lambda *_: Response(status_code=408))
    errors[UserError] = lambda _, error: PlainTextResponse(_plain(error), 422)
    errors[OSError] = lambda _, error: PlainTextResponse(f"The server cannot keep the file: {error.strerror}.", 507)
    return Starlette(routes=routes, exception_handlers=errors, middleware=[Middleware(BaseHTTPMiddleware, guard)])


def _refusal(headers: Headers, password: str | None, hosts: frozenset[str] | None) -> Response | None:
    if hosts is not None and re.sub(r":\d+$", "", headers.get("host", "")) not in hosts:
        return PlainTextResponse("This page answers to its own address alone: see --root-path for a proxy.", 421)
    try:
        given = base64.b64decode(headers.get("authorization", "").removeprefix("Basic ")).partition(b":")[2]
    except ValueError:
        given = b""
    if password is None or hmac.compare_digest(given, os.fsencode(password)):
        return None
    return PlainTextResponse("The password is asked for.", 401, {"www-authenticate": 'Basic realm="pix2pix"'})


def _check(headers: Headers, most: int) -> None:
    """Raises HTTPException for what another site's page sends, or what says that it is too large, or not how large."""
    site = headers.get("sec-fetch-site") or ("origin" in headers and headers["origin"].partition("://")[2])
    if site not in (False, "same-origin", "none", headers.get("host"), headers.get("x-forwarded-host")):
        raise HTTPException(403, "Another site's page may not use this one.")
    if "transfer-encoding" in headers or not 0 <= int(headers.get("content-length", -1)) <= most + _ASKED:
        raise HTTPException(413, f"This is larger than {most // 10**6} MB, which is the most here, or of unknown size.")
    if not headers.get("content-type", "").lower().startswith("multipart/form-data"):  # others are kept in memory
        raise HTTPException(422, "A form of a file is wanted (multipart/form-data).")


async def _received(request: Request, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Reads a form: `file`, which keeps its name as far as it is one, and the JSON `asked`, see `Maker.result`."""
    async with request.form(max_files=1, max_fields=1, max_part_size=_ASKED) as form:
        try:
            asked, upload = json.loads(str(form.get("asked", "{}"))), cast(UploadFile, form["file"])
            asked["points"] = [Point(**point) for point in asked.get("points", [])]
            name = re.sub(r"[\0-\x1f]", "", Path(upload.filename or "").name).replace("%22", '"').strip(". ")
            if not 0.0 <= asked.get("strength", 1.0) <= 10.0:
                raise UserError("the strength of the colours is a number from 0 to 10")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UserError("what is asked for cannot be read: a form of a file and JSON") from error
        file = folder / (name[-50:] or "image")
        with file.open("wb") as written:
            await asyncio.to_thread(shutil.copyfileobj, upload.file, written)
    return file, asked


def _plain(text: object) -> str:
    """A message without the names of folders and advice on flags, which the page has not."""
    folders = rf"{re.escape(tempfile.gettempdir())}/{_PREFIX}\w+/(\.made/)?"
    return re.sub(rf"{folders}|[;:] (?=[^;:]*--)[^;:]*", "", str(text))


def _encoded(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.thumbnail((_SHOWN, _SHOWN), Image.Resampling.BICUBIC)
    picture.save(file, "JPEG", quality=95, subsampling="4:4:4")
    return file.getvalue()
