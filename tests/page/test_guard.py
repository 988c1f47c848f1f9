"""What a visitor may not have, and how much he may give: asked of a page that runs, as anybody can ask it."""

import asyncio
import contextlib
import json
import os
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import save_image, smooth_images
from page.conftest import serving

from pix2pix_jax.errors import UserError
from pix2pix_jax.page.guard import Guard, Limits, Turns, link_upload, uploaded

PHOTO = smooth_images(1, 40, seed=2)[0]


@pytest.fixture(scope="module")
def page(generator_file: Path, tmp_path_factory: pytest.TempPathFactory):
    """A page's address, and the folder of its temporary files."""
    pytest.importorskip("gradio", reason="Gradio is not installed")
    temporary = tmp_path_factory.mktemp("temporary")
    with serving("--checkpoint", str(generator_file), TMPDIR=str(temporary)) as (address, _):
        yield address, temporary


def ask(address: str, path: str, body: object = None) -> tuple[int, str]:
    """Status and text of an answer, within 20 s."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def file_of(path: object) -> dict:
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


def upload(address: str, name: str, content: bytes) -> tuple[int, str]:
    head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
    request = urllib.request.Request(
        address + "gradio_api/upload",
        head + content + b"\r\n--x--\r\n",
        {"content-type": "multipart/form-data; boundary=x"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status, json.loads(answer.read())[0]


CALLS = ["gradio_api/call/make", "gradio_api/call/v2/make", "gradio_api/run/make", "gradio_api/queue/join"]


@pytest.mark.process
@pytest.mark.parametrize("call", CALLS)
def test_no_file_of_the_server_is_opened_or_told_of(page, tmp_path: Path, call: str):
    address, _ = page
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    secret = save_image(private / "secret.png", PHOTO)
    secret.chmod(0o600)
    (status, link_target) = upload(address, "photo.png", secret.read_bytes())
    assert status == 200
    link, pipe = (Path(link_target).with_name(f"{kind}{call.replace('/', '_')}.png") for kind in ("link", "pipe"))
    os.symlink(secret, link)
    os.mkfifo(pipe)
    climbing = f"{link_target}/../../../{'../' * 20}etc/passwd"
    asked = [secret, private / "none.png", "/dev/zero", "/etc/passwd", climbing, link, pipe, "http://example.org/a.png"]
    answers = {ask(address, call, {"data": [file_of(path), 1.0], "fn_index": 9, "session_hash": "a"}) for path in asked}
    assert len(answers) == 1  # so none tells which files there are
    ((status, said),) = answers
    assert status == 403
    assert "uploaded" in said
    for deeper in ([file_of(secret)], {"a": [{"b": file_of(secret)}]}):
        assert ask(address, call, {"data": [deeper, 1.0], "fn_index": 0, "session_hash": "a"})[0] == 403


@pytest.mark.process
def test_files_are_served_from_the_page_alone(page, tmp_path: Path):
    address, _ = page
    secret = save_image(tmp_path / "secret.png", PHOTO)
    quoted = [secret, tmp_path / "none.png", "/etc/passwd", "/dev/zero", "..%2f..%2f..%2fetc%2fpasswd"]
    assert {ask(address, f"gradio_api/file={path}") for path in quoted} == {
        (403, '{"detail": "that file is not the page\'s"}')
    }


@pytest.mark.process
def test_what_the_page_does_not_use_of_gradio_is_not_there(page):
    address, _ = page
    assert ask(address, "gradio_api/run/make", {"data": [None, 1.0]})[0] == 404  # past the queue
    for place in ("api/make", "process_recording", "vibe-edit", "stream/a", "run-history/connect"):
        assert ask(address, f"gradio_api/{place}", {"data": []}) == (404, '{"detail": "the page has no such place"}')
    for place in ("file/http://example.org/a.png", "file//etc/passwd", "proxy=http://example.org/"):
        assert ask(address, f"gradio_api/{place}") == (403, '{"detail": "that file is not the page\'s"}')


@pytest.mark.process
def test_what_is_sent_in_vain_stays_in_the_page_s_folder(page):
    address, temporary = page
    head = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.png"\r\n\r\nremains\r\n--x--\r\n'
    for place in ("component_server", "upload"):
        kind = {"content-type": "multipart/form-data; boundary=x"}
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(urllib.request.Request(f"{address}gradio_api/{place}", head, kind), timeout=20)
    assert {path.parent.name for path in temporary.glob("pix2pix-page-*/uploads/tmp*")} == {"uploads"}
    assert not [path for path in temporary.iterdir() if path.is_file() and path.read_bytes() == b"remains"]


@pytest.mark.process
def test_a_strength_that_is_no_number_is_refused(page):
    address, _ = page
    _, path = upload(address, "photo.png", save_image(Path(page[1]) / "nan.png", PHOTO).read_bytes())
    status, said = ask(address, "gradio_api/call/make", {"data": [file_of(path), float("nan")]})
    assert status == 200
    assert "bounds" in ask(address, f"gradio_api/call/make/{json.loads(said)['event_id']}")[1]


@pytest.mark.parametrize("strength", [float("nan"), float("inf"), 0.0, 1e9])
def test_work_ends_whatever_strength_a_visitor_sends(tmp_path: Path, strength: float):
    pytest.importorskip("gradio", reason="Gradio is not installed")
    from gradio.exceptions import Error

    from pix2pix_jax.page.layout import COLORING, Handlers
    from pix2pix_jax.page.visits import Visits

    visits = Visits(tmp_path / "made", 1.0)
    with pytest.raises(Error, match="bounds"):  # NaN is never what is wanted: the work would not end
        Handlers(None, visits, tmp_path, COLORING, Limits(1)).set_strength(strength, SimpleNamespace(session_hash="a"))
    assert visits.of("a").strength == 1.0


def test_a_canvas_keeps_little(monkeypatch: pytest.MonkeyPatch):
    gradio = pytest.importorskip("gradio", reason="Gradio is not installed")
    from pix2pix_jax.page import layout

    canvas = gradio.ImageEditor()
    layout._limit(canvas)
    assert canvas.accept_blobs._is_server_fn

    def send(name: str, index: str) -> None:
        data = {"type": "layer", "index": index, "id": name}
        canvas.accept_blobs(SimpleNamespace(data=data, files=[("file", b"")]))

    for index in ("1", "2000000000", "-1"):
        with pytest.raises(gradio.Error):
            send("a", index)
    for name in range(layout._DRAWINGS + 5):
        send(str(name), "0")
    assert len(canvas.blob_storage) == layout._DRAWINGS


@pytest.mark.process
@pytest.mark.parametrize("name", ["../../../escaped.png", "..\\..\\escaped.png", "/escaped.png"])
def test_an_upload_stays_where_uploads_are(page, name: str):
    address, temporary = page
    _, path = upload(address, name, b"x")
    assert Path(path).resolve().is_relative_to(temporary.resolve())


def test_uploads_are_plain_files_within_their_folder(tmp_path: Path):
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (uploads / "a.png").write_bytes(b"a")
    (tmp_path / "b.png").write_bytes(b"b")
    os.symlink(tmp_path / "b.png", uploads / "b.png")
    assert uploaded(uploads / "a.png", uploads) == (uploads / "a.png").resolve()
    for path in (tmp_path / "b.png", uploads / "b.png", uploads, uploads / "none.png", uploads / "a\0.png"):
        with pytest.raises(UserError, match="uploaded"):
            uploaded(path, uploads)


@pytest.mark.parametrize("replaced", ["file", "folder"])
def test_a_file_that_a_link_replaces_after_the_check_is_refused(tmp_path: Path, monkeypatch, replaced: str):
    given, private = tmp_path / "uploads/deep/a.png", tmp_path / "private/a.png"
    for path in (given, private):
        path.parent.mkdir(parents=True)
        path.write_bytes(path.parent.name.encode())
    link_upload(given, tmp_path / "kept.png", tmp_path / "uploads", 7)
    assert (tmp_path / "kept.png").read_bytes() == b"deep"
    with pytest.raises(UserError, match="uploaded"):
        link_upload(given, tmp_path / "large.png", tmp_path / "uploads", 3)

    def check_and_replace(file, uploads) -> Path:
        checked = uploaded(file, uploads)
        old, new = (given, private) if replaced == "file" else (given.parent, private.parent)
        old.rename(tmp_path / "old")
        old.symlink_to(new)
        return checked

    monkeypatch.setattr("pix2pix_jax.page.guard.uploaded", check_and_replace)
    with pytest.raises(UserError, match="uploaded"):
        link_upload(given, tmp_path / "taken.png", tmp_path / "uploads", 7)
    assert not os.path.lexists(tmp_path / "taken.png")


def status_of(
    guard: Guard,
    path: str,
    length: int,
    visitor: str = "10.0.0.1",
    body: bytes = b"{}",
    chunked: bool = False,
    kind: bytes = b"",
) -> int:
    """The status with which a guard answers a request, 200 where it lets it pass to `passed`."""
    sent: list[dict] = []

    pieces = [body[:9], body[9:]]  # as a body comes, a boundary in two messages

    async def receive() -> dict:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: dict) -> None:
        sent.append(message)

    headers = [(b"content-length", str(length).encode())] if length >= 0 else []
    if chunked:
        headers.append((b"transfer-encoding", b"chunked"))
    if kind:
        headers.append((b"content-type", kind))
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "client": (visitor, 1)}
    asyncio.run(guard(scope, receive, send))
    return sent[0]["status"]


async def passed(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


def test_what_a_visitor_may_give_is_limited(tmp_path: Path):
    (tmp_path / "uploads").mkdir()
    limits = Limits(100, visitor_bytes=250, visitor_uploads=4, visitor_calls=2, all_bytes=1000)
    guard = Guard(passed, tmp_path, limits)
    assert [status_of(guard, "/gradio_api/upload", size) for size in (101, 100, 100, 50, 1)] == [
        413,
        200,
        200,
        200,
        429,
    ]
    assert status_of(guard, "/gradio_api/upload", 100, "10.0.0.2") == 200  # another is not held back
    assert [status_of(guard, "/gradio_api/upload", 1, "10.0.0.3") for _ in range(5)] == [200] * 4 + [429]
    (tmp_path / "made").write_bytes(bytes(950))
    assert status_of(guard, "/gradio_api/upload", 60, "10.0.0.4") == 429
    few = Guard(passed, tmp_path, Limits(100, all_files=1))
    assert status_of(few, "/gradio_api/upload", 1) == 429
    assert status_of(guard, "/gradio_api/upload", -1, "10.0.0.4") == 411
    assert status_of(guard, "/gradio_api/queue/join", 2**21, "10.0.0.4") == 413
    assert [status_of(guard, "/gradio_api/queue/join", 2, "10.0.0.5") for _ in range(3)] == [200, 200, 429]


def test_a_length_that_chunks_need_not_keep_is_none(tmp_path: Path):
    guard = Guard(passed, tmp_path, Limits(100))
    assert status_of(guard, "/gradio_api/upload", 10, chunked=True) == 411
    assert status_of(guard, "/gradio_api/queue/join", 10, chunked=True) == 411


@pytest.mark.parametrize("depth", [700, 5000, 100_000])
def test_a_path_below_deep_nesting_does_not_pass(tmp_path: Path, depth: int):
    guard = Guard(passed, tmp_path, Limits(100))
    body = b'{"a":' + b"[" * depth + b"]" * depth + b',"data":[{"path":"/etc/passwd"}]}'
    assert status_of(guard, "/gradio_api/queue/join", len(body), body=body) in (400, 403)


def test_refusing_takes_no_memory(tmp_path: Path):
    guard = Guard(passed, tmp_path, Limits(100, visitor_uploads=3, visitor_calls=3))
    for path in ("/gradio_api/upload", "/gradio_api/queue/join"):
        assert [status_of(guard, path, 2) for _ in range(50)] == [200] * 3 + [429] * 47
    assert {len(kept["10.0.0.1"]) for kept in (guard._uploads, guard._calls)} == {4}


def test_every_file_of_an_upload_counts(tmp_path: Path):
    exceptions = pytest.importorskip("starlette.exceptions", reason="Gradio is not installed")

    async def reading(scope, receive, send) -> None:
        try:
            while (await receive())["more_body"]:
                pass
            await passed(scope, receive, send)
        except exceptions.HTTPException as error:
            await send({"type": "http.response.start", "status": error.status_code, "headers": []})

    many = Guard(reading, tmp_path, Limits(10_000, visitor_uploads=100))

    def upload(files: int, visitor: str) -> int:
        body = b"--limit\r\n\r\na\r\n" * files + b"--limit--\r\n"
        kind = b'multipart/form-data; boundary="limit"'
        return status_of(many, "/gradio_api/upload", len(body), visitor, body, kind=kind)

    assert [upload(100, "10.0.0.1"), upload(1, "10.0.0.1")] == [200, 429]
    assert [upload(99, "10.0.0.2"), upload(1, "10.0.0.2"), upload(1, "10.0.0.2")] == [200, 200, 429]
    assert upload(101, "10.0.0.3") == 429


def test_uploads_on_their_way_count(tmp_path: Path):
    (tmp_path / "uploads").mkdir()
    statuses = []

    async def uploading(scope, receive, send) -> None:
        statuses.append(await asyncio.to_thread(status_of, guard, "/gradio_api/upload", 60, "10.0.0.2"))
        await passed(scope, receive, send)

    guard = Guard(uploading, tmp_path, Limits(100, all_bytes=100))
    assert status_of(guard, "/gradio_api/upload", 60) == 200
    assert statuses == [429]


def test_visitors_take_turns_within_their_time():
    turns = Turns(Limits(100, visitor_seconds=0.05))
    with ThreadPoolExecutor(4) as pool:
        inside: list[int] = []

        def work(visitor: str) -> int:
            with turns.take(visitor):
                inside.append(1)
                most = len(inside)
                time.sleep(0.06)
                inside.pop()
                return most

        assert list(pool.map(work, "abcd")) == [1, 1, 1, 1]
    with pytest.raises(UserError, match="time"), turns.take("a"):
        pass
    with turns.take("e"):
        pass
