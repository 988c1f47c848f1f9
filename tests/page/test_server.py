"""The page's server, asked in this process: it makes what the commands make, and refuses what it must."""

import base64
import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from helpers import save_image, smooth_images
from PIL import Image
from translators import save_translator

from pix2pix_jax.commands import colorize, translate
from pix2pix_jax.inference import load_trained

pytest.importorskip("httpx2", reason="Starlette's client for tests is not installed")
testclient = pytest.importorskip("starlette.testclient", reason="the page's server is not installed")
from pix2pix_jax.page import serving  # noqa: E402
from pix2pix_jax.page.serving import Maker  # noqa: E402

PHOTO = smooth_images(1, 40, seed=2)[0][:30]
COLOURED = Image.fromarray(PHOTO)
TURNED = Image.Exif()
TURNED[0x0112] = 6
PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 0)


@pytest.fixture(scope="module")
def maker(generator_file: Path) -> Maker:
    return Maker(load_trained(generator_file))


@pytest.fixture
def client(maker, monkeypatch, tmp_path):
    """A client of the page, whose temporary files have a folder of their own, which is empty afterwards."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(serving.tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))
    yield testclient.TestClient(serving.build_app(maker, PIXELS))
    assert list((tmp_path / "temporary").iterdir()) == []


def post(client, path: str, content: bytes, name: str = "a.png", headers=None, **asked):
    form = {"asked": json.dumps(asked)} if asked else None
    return client.post(path, data=form, files={"file": (name, content)}, headers=headers)


def about(answer) -> dict:
    assert answer.status_code == 200, answer.text
    return json.loads(unquote(answer.headers["x-about"]))


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def gray(kind: str = "PNG", **options) -> bytes:
    return encoded(Image.fromarray(PHOTO).convert("L"), kind, **options)


@pytest.mark.parametrize(("name", "kind"), [("Großmutter.JPG", "JPEG"), ("a.gif", "GIF"), ("a.tif", "TIFF")])
def test_results_are_those_of_the_command(client, generator_file, tmp_path, name, kind):
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    (tmp_path / name).write_bytes(gray(kind, **({} if kind == "GIF" else {"exif": exif, "dpi": (300, 300)})))
    answer = post(client, "/result", (tmp_path / name).read_bytes(), name, strength=0.3)
    flags = ["--checkpoint", str(generator_file), "--saturation", "0.3", "--out", str(tmp_path / "out")]
    assert colorize.main([str(tmp_path / name), *flags]) == 0
    told = about(answer)
    assert answer.content == (tmp_path / "out" / told["name"]).read_bytes()
    assert told["name"] == ("a.png" if kind == "GIF" else name)
    assert [note[:16] for note in told["notes"]] == ["written as a.png"] * (kind == "GIF")
    assert not any("page" in note for note in told["notes"])


def test_translating_is_the_command_s(tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    file = save_translator(tmp_path / "g.safetensors")
    client = testclient.TestClient(serving.build_app(Maker(load_trained(file), tile=32), PIXELS))
    given = save_image(tmp_path / "a.png", smooth_images(1, 40)[0])
    assert translate.main([str(given), "--checkpoint", str(file), "--tile", "32", "--out", str(tmp_path / "out")]) == 0
    answer = post(client, "/result", given.read_bytes(), "drawn.bmp")
    assert about(answer)["name"] == "drawn.png"
    assert answer.content == (tmp_path / "out/a.png").read_bytes()
    described = client.get("/describe").json()
    assert (described["translates"], described["paper"], described["points"]) == (True, 32, False)
    with Image.open(io.BytesIO(post(client, "/result", given.read_bytes(), shown=True).content)) as preview:
        assert (preview.format, preview.size) == ("JPEG", (40, 40))


@pytest.mark.parametrize(
    ("name", "content", "size"),
    [
        ("a.gif", gray("GIF"), (40, 30)),
        ("turned.jpg", gray("JPEG", exif=TURNED), (30, 40)),
        ("cmyk.jpg", encoded(Image.fromarray(PHOTO).convert("CMYK"), "JPEG"), (40, 30)),
        ("deep.tif", encoded(Image.fromarray(PHOTO[..., 0].astype(np.uint16) * 257), "TIFF"), (40, 30)),
        ("wide", encoded(Image.new("L", (3000, 20), 90), "PNG"), (3000, 20)),
        ("colour.jp2", encoded(COLOURED, "JPEG2000"), (40, 30)),
        ("32 bits.tif", encoded(Image.fromarray(PHOTO[..., 0].astype(np.int32)), "TIFF"), (40, 30)),
        ("pages.tif", encoded(COLOURED, "TIFF", save_all=True, append_images=[COLOURED]), (40, 30)),
        ("turned.tif", encoded(COLOURED, "TIFF", exif=TURNED), (30, 40)),
    ],
)
def test_every_kind_is_shown(client, name, content, size):
    answer = post(client, "/open", content, name)
    told = about(answer)
    assert (told["width"], told["height"]) == size
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert (picture.format, max(picture.size)) == ("JPEG", min(max(size), 1024))
        assert (picture.width > picture.height) == (size[0] > size[1])


def bomb() -> bytes:
    """A PNG file that says that it has 200 megapixels, and would: its rows are there, compressed."""
    return encoded(Image.new("1", (20_000, 10_000)), "PNG")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("text.jpg", b"not an image", "text.jpg cannot be read"),
        ("empty.png", b"", "empty.png cannot be read"),
        ("cut.jpg", gray("JPEG")[:500], "cut.jpg cannot be read"),
        ("big.png", bomb(), "big.png has more pixels"),
        ("<script>alert(1)</script>.png", b"", "script>.png cannot be read"),
        ("../../etc/passwd", b"", "passwd cannot be read"),
        ("a.cr2", gray(), "raw file"),
        ("\0" + "n" * 1000 + ".jpg", b"", "n.jpg cannot be read"),
        ("..", b"", "image cannot be read"),
        ('a"b.jpg', b"", 'a"b.jpg cannot be read'),
    ],
)
@pytest.mark.parametrize("path", ["/open", "/result"])
def test_what_cannot_be_read_is_told_in_words(client, path, name, content, says):
    answer = post(client, path, content, name)
    assert answer.status_code == 422
    assert says in answer.text
    assert "--" not in answer.text
    assert "/" not in answer.text.replace("</", "")


@pytest.mark.parametrize(
    "asked",
    [
        *("", "[]", "{", '{"points": 1}', "[" * 100_000, "x" * 2**19, '{"strength": NaN}', '{"strength": 99}'),
        *('{"strength": "1"}', '{"points": [{"x": 1, "y": 2, "color": "red", "z": 1}]}'),
        '{"points": [{"x": -1, "y": 2, "color": "red"}]}',
        '{"points": [{"x": 1, "y": 2, "color": "red"}]}',  # sound, but this generator takes none
    ],
)
def test_nonsense_is_refused(client, asked):
    answer = client.post("/result", data={"asked": asked}, files={"file": ("a.png", gray())})
    assert answer.status_code in (400, 422)
    assert client.post("/result", data={"file": "no file"}).status_code == 422


def test_too_many_bytes(maker):
    client = testclient.TestClient(serving.build_app(maker, 100))
    assert post(client, "/open", b"0" * 2**20).status_code == 413
    assert client.post("/open", content=iter([b"0" * 500] * 3)).status_code == 413  # who knows how many


def test_too_much_at_a_time(maker, monkeypatch):
    """One address has six requests, which two threads work on; the seventh is refused, and later it is not."""
    going = threading.Event()

    def slow(*_):
        assert going.wait(60)
        return b"", {}

    monkeypatch.setattr(Maker, "open", slow)
    with testclient.TestClient(serving.build_app(maker, PIXELS)) as client, ThreadPoolExecutor(7) as pool:
        asked = [pool.submit(post, client, "/open", b"") for _ in range(7)]
        assert next(as_completed(asked, timeout=60)).result().status_code == 429
        assert client.get("/describe").status_code == 200
        going.set()
        assert sorted(each.result().status_code for each in asked) == [200] * 6 + [429]
        assert post(client, "/open", b"").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "http://testserver"}, 403),
        ({"origin": "http://testserver"}, 200),
        ({"origin": "https://elsewhere.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://[evil"}, 403),
        ({"origin": "https://public.example", "x-forwarded-host": "public.example"}, 200),
    ],
)
def test_other_sites_may_not_use_it(client, headers, status):
    assert post(client, "/open", gray(), headers=headers).status_code == status


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("localhost:7860", 200), ("[::1]:7860", 200), ("evil.example", 421), ("", 421)],
)
def test_names_that_others_let_lead_here(maker, host, status):
    hosts = frozenset({"localhost", "[::1]"})
    client = testclient.TestClient(serving.build_app(maker, PIXELS, hosts=hosts))
    assert client.get("/", headers={"host": host}).status_code == status


@pytest.mark.parametrize("given", ["anybody:sesame", "x:Sesame", ":", None, "\xff"])
def test_password(maker, given):
    client = testclient.TestClient(serving.build_app(maker, PIXELS, password="sesame"))
    basic = "" if given is None else "Basic " + base64.b64encode(given.encode("latin-1")).decode()
    for path in ("/", "/app.js", "/describe", "/examples/chelsea.png"):
        answer = client.get(path, headers={"authorization": basic})
        assert answer.status_code == (200 if given == "anybody:sesame" else 401)
        assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)
    assert client.get("/", headers={"authorization": "Basic §".encode("latin-1")}).status_code == 401


def test_pages_and_their_policy(client):
    for path in ("/", "/app.js", "/examples/camera.png", "/none", "/describe", "/../serving.py", "/examples/x.png"):
        answer = client.get(path)
        assert answer.status_code == (404 if path in ("/none", "/../serving.py", "/examples/x.png") else 200)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert "http" not in policy
    assert client.get("/result").status_code == 404  # there is no such page
    for example in client.get("/describe").json()["examples"]:
        assert client.get(example["url"]).headers["content-type"] == "image/png"


def test_under_a_path(maker):
    client = testclient.TestClient(serving.build_app(maker, PIXELS, root_path="/colour"))
    for path in ("/colour/", "/", "/colour/describe", "/describe", "/colour/app.js", "/colour"):
        assert client.get(path).status_code == 200
    page = client.get("/colour/").text
    assert 'src="/' not in page
    assert 'href="/' not in page


def test_photographs_are_kept_by_no_browser_and_forms_of_fields_not_read(client):
    assert post(client, "/open", gray()).headers["cache-control"] == "no-store"
    assert "multipart" in client.post("/open", data={"file": "x"}).text


def test_a_full_disk_is_told(client, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(serving.shutil, "copyfileobj", full)
    assert post(client, "/open", gray()).status_code == 507
