"""What a visitor may ask of the server: files of the page alone, and no more than is fair to the others."""

import json
import os
import re
import stat
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pix2pix_jax.errors import UserError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_Spent = dict[str, deque[tuple[float, float]]]  # by visitor: when, and how much

_JSON_BYTES = 2**20  # of a request that is no upload: it names files, and holds none
_SECONDS = 3600.0  # in which a visitor's requests are counted
_FILE_REQUEST = "/gradio_api/file="
_UPLOAD = "/gradio_api/upload"
# All that the page and programs post to. Gradio has more, of which some open files or start programs.
_POSTS = (
    _UPLOAD,
    *(f"/gradio_api/{name}" for name in ("queue/join", "call/make", "call/v2/make", "cancel", "reset")),
    "/gradio_api/component_server",  # of the canvas
    "/login",
)
_RUN = re.compile(r".*/gradio_api/run/[^/]+/?")  # events that are not queued; Gradio is told to run no others here
_TOO_MUCH = "you have given much within an hour: wait a while"
_FETCHING = ("/gradio_api/file/", "/gradio_api/proxy=")  # would get files from elsewhere


@dataclass(frozen=True)
class Limits:
    """What visitors may give.

    Attributes:
        request_bytes: of one upload.
        visitor_bytes: of a visitor's uploads within an hour; a visitor is an address.
        visitor_uploads: how many files that may be; a request may hold several.
        visitor_calls: how many other requests of a visitor, within an hour.
        visitor_seconds: how long a visitor's images may be made within an hour.
        all_bytes: of all files that lie on the server, uploads and results.
        all_files: how many files that may be.
    """

    request_bytes: int
    visitor_bytes: int = 4 * 2**30
    visitor_uploads: int = 1000
    visitor_calls: int = 20_000
    visitor_seconds: float = 1800.0
    all_bytes: int = 16 * 2**30
    all_files: int = 50_000


def uploaded(file: str | os.PathLike[str], uploads: Path) -> Path:
    """The real path of a file that a visitor names; to read it, use `link_upload`.

    Args:
        file: what the visitor gives.
        uploads: the folder of everything that visitors have uploaded.

    Raises:
        UserError: if it is no plain file within that folder. What else there is on the machine is not told.
    """
    try:
        path = Path(os.path.realpath(file))
        if path.is_relative_to(uploads.resolve()) and stat.S_ISREG(path.lstat().st_mode):
            return path
    except (OSError, ValueError):  # of a name with a zero byte, say
        pass
    raise UserError("give a file that you have uploaded")


def link_upload(file: str | os.PathLike[str], link: Path, uploads: Path, most_bytes: int) -> None:
    """Gives a file that a visitor names a second name, under which it is read.

    What is checked is what the new name holds, and no link is followed to it: the old one may change at any time.

    Args:
        file: what the visitor gives.
        link: the new name, in a folder where nobody uploads.
        uploads: as for `uploaded`, which says what is raised too.
        most_bytes: size of the largest file that may be read; larger ones are refused.
    """
    *folders, name = uploaded(file, uploads).relative_to(uploads.resolve()).parts
    place = os.open(uploads, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders:
            within = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place)
            os.close(place)
            place = within
        os.link(name, link, src_dir_fd=place, follow_symlinks=False)
        found = link.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > most_bytes:
            link.unlink()
            raise OSError("no plain file, or too large")
    except OSError as error:
        raise UserError("give a file that you have uploaded") from error
    finally:
        os.close(place)


class Guard:
    """A layer around an ASGI application that refuses what a visitor may not ask for.

    Gradio checks the paths that it is given only where it has started the server itself.
    """

    def __init__(self, app: "ASGIApp", folder: Path, limits: Limits) -> None:
        """Takes the application, the page's folder (with `uploads` in it), and what visitors may give."""
        self._app, self._folder, self._limits = app, folder, limits
        self._coming = 0  # bytes of the uploads that are on their way
        # What is refused is remembered too, but no more of it than it takes to refuse.
        self._uploads: _Spent = defaultdict(lambda: deque(maxlen=limits.visitor_uploads + 1))
        self._calls: _Spent = defaultdict(lambda: deque(maxlen=limits.visitor_calls + 1))

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answers with a refusal, or passes the request on."""
        if scope["type"] == "http":
            refusal, receive = await self._refusal(scope, receive)
            if refusal is not None:
                await _answer(send, *refusal)
                return
            if _is_upload(scope):
                self._coming += _length(scope) or 0
                try:
                    await self._app(scope, self._counted(scope, receive), send)
                finally:
                    self._coming -= _length(scope) or 0
                return
        await self._app(scope, receive, send)

    def _counted(self, scope: "Scope", receive: "Receive") -> "Receive":
        """Counts the files of an upload as they arrive, and ends it at one too many."""
        kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
        if not kind:
            return receive
        from python_multipart.multipart import parse_options_header  # which Gradio reads it with
        from starlette.exceptions import HTTPException

        boundary = b"--" + parse_options_header(kind)[1].get(b"boundary", b"")
        visitor, end, found = (scope.get("client") or [""])[0], b"", 0

        async def counted() -> "Message":
            nonlocal end, found
            message = await receive()
            body = end + message.get("body", b"")
            end = body[max(0, len(body) - len(boundary) + 1) :]
            for _ in range(body.count(boundary)):
                found += 1
                # The request itself was counted as one; the last boundary begins no file.
                if found > 2 and _spent(self._uploads[visitor], 0)[0] > self._limits.visitor_uploads:
                    raise HTTPException(429, _TOO_MUCH)
            return message

        return counted

    async def _refusal(self, scope: "Scope", receive: "Receive") -> "tuple[tuple[int, str] | None, Receive]":
        """Status and words of a refusal, if there is one; and where the request's body then comes from."""
        path, visitor = scope["path"], (scope.get("client") or [""])[0]
        if _FILE_REQUEST in path:
            asked = unquote(path.split(_FILE_REQUEST, 1)[1]).replace("\0", "")
            if not Path(os.path.realpath(asked)).is_relative_to(self._folder.resolve()):
                return (403, "that file is not the page's"), receive
        if any(part in path for part in _FETCHING):
            return (403, "that file is not the page's"), receive
        if scope["method"] != "POST":
            return None, receive
        if not path.rstrip("/").endswith(_POSTS) and not _RUN.fullmatch(path):
            return (404, "the page has no such place"), receive
        length = _length(scope)
        if length is None:
            return (411, "say how long the request is"), receive
        if _is_upload(scope):
            return self._upload_refusal(visitor, length), receive
        if length > _JSON_BYTES:
            return (413, "the request is too large"), receive
        if _spent(self._calls[visitor], 0)[0] > self._limits.visitor_calls:
            return (429, "too many requests: wait a while"), receive
        body = await _body(receive)
        try:
            for file in _named_files(json.loads(body or b"null")):
                uploaded(file, self._folder / "uploads")
        except UserError as error:
            return (403, str(error)), receive
        except RecursionError:
            return (400, "the request is nested too deeply"), receive
        except (UnicodeDecodeError, ValueError):
            pass  # a form, such as that of the login, names no files
        return None, _replayed(body, receive)

    def _upload_refusal(self, visitor: str, length: int) -> tuple[int, str] | None:
        limits = self._limits
        if length > limits.request_bytes:
            return 413, f"at most {limits.request_bytes / 1e6:,.0f} MB can be given at once"
        count, size = _spent(self._uploads[visitor], length)
        if count > limits.visitor_uploads or size > limits.visitor_bytes:
            return 429, _TOO_MUCH
        sizes = list(_sizes(self._folder))
        if length + self._coming + sum(sizes) > limits.all_bytes or len(sizes) >= limits.all_files:
            return 429, "the server has no room for more now: wait a while"
        return None


class Turns:
    """One image at a time: visitors who work at once take turns, and each has so many seconds an hour."""

    def __init__(self, limits: Limits) -> None:
        """Takes what visitors may use."""
        self._seconds = limits.visitor_seconds
        self._turn = threading.Lock()
        self._used: _Spent = defaultdict(deque)

    @contextmanager
    def take(self, visitor: str) -> Iterator[None]:
        """Waits for a visitor's turn, within which an image is made.

        Raises:
            UserError: if the visitor has used the page's time.
        """
        if _spent(self._used[visitor], 0)[1] > self._seconds:
            raise UserError("you have used much of the page's time within an hour: wait a while")
        with self._turn:
            begun = time.monotonic()
            try:
                yield
            finally:
                _spent(self._used[visitor], time.monotonic() - begun)


def _sizes(folder: Path) -> Iterator[int]:
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # it is gone by now
                yield os.lstat(os.path.join(place, name)).st_size


def _spent(spendings: deque[tuple[float, float]], amount: float) -> tuple[int, float]:
    """How often, and how much, a visitor has spent within an hour, with this time."""
    now = time.monotonic()
    spendings.append((now, amount))
    while spendings[0][0] < now - _SECONDS:
        spendings.popleft()
    return len(spendings), sum(each for _, each in spendings)


def _named_files(value: Any) -> Iterator[str]:
    """Every path in a request's JSON: those of Gradio's file objects."""
    if isinstance(value, dict):
        if isinstance(value.get("path"), str):
            yield value["path"]
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _named_files(part)


def _is_upload(scope: "Scope") -> bool:
    return scope["method"] == "POST" and scope["path"].rstrip("/").endswith(_UPLOAD)


def _length(scope: "Scope") -> int | None:
    """How long a request's body is; None where that is not said, or where chunks say something else."""
    if any(name == b"transfer-encoding" for name, _ in scope["headers"]):
        return None
    found = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(found) if found.isdigit() else None


async def _body(receive: "Receive") -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


def _replayed(body: bytes, receive: "Receive") -> "Receive":
    """Gives a body that has been read once more."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> "Message":
        return messages.pop() if messages else await receive()

    return replay


async def _answer(send: "Send", status: int, words: str) -> None:
    body = json.dumps({"detail": words}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
