"""Films in colour: what stays as it is, how still colour is, and what is refused."""

from fractions import Fraction

import numpy as np
import pytest
from film_clips import decoded, packets, pan, write_clip
from skimage import data

pytestmark = pytest.mark.process
av, cv2 = pytest.importorskip("av"), pytest.importorskip("cv2")

from pix2pix_jax import colorize_film, load_trained  # noqa: E402
from pix2pix_jax.errors import UserError  # noqa: E402
from pix2pix_jax.inference.film import scenes  # noqa: E402
from pix2pix_jax.inference.film.flow import motion_between, moved  # noqa: E402
from pix2pix_jax.inference.film.planes import film_frame  # noqa: E402
from pix2pix_jax.inference.film.reading import Frame, read_frames, read_picture  # noqa: E402
from pix2pix_jax.inference.film.scenes import Colorist  # noqa: E402


@pytest.fixture(scope="module")
def generator(generator_file):
    return load_trained(generator_file)


def no_note(text):
    raise AssertionError(text)


def made(generator, path, out, **wishes):
    return colorize_film(path, out, generator, note=wishes.pop("note", no_note), **wishes)


@pytest.mark.parametrize(
    ("pixel_format", "wishes"),
    [
        ("yuv420p", {"colorspace": 1, "color_range": 1}),
        ("yuv444p", {"colorspace": 6, "color_range": 2, "sample_aspect_ratio": Fraction(4, 3)}),
        ("yuv422p10le", {"colorspace": 9, "color_range": 1}),
        ("gray", {}),
    ],
)
def test_the_picture_keeps_what_is_its_own(generator, tmp_path, pixel_format, wishes):
    film = write_clip(tmp_path / "a.mkv", pan(6), pixel_format=pixel_format, turn=90, **wishes)
    out = made(generator, film, tmp_path / "b.mkv", crf=1)
    before, after = (read_picture(path) for path in (film, out))
    assert before._replace(length=0) == after._replace(length=0)
    assert after.turns == 1
    luma = [[frame.luma for frame in read_frames(path, after, no_note, -1)] for path in (film, out)]
    assert np.abs(np.array(luma[0], int) - luma[1]).max() <= 8 * after.levels[1] / 235
    chroma = decoded(out)[0][1:]
    assert all(np.ptp(plane) > 5 for plane in chroma)
    assert pixel_format == "gray" or chroma[0].shape == decoded(film)[0][1].shape


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_subtitles_chapters_and_uneven_times_are_copied(generator, tmp_path, suffix):
    times, subtitles = [0, 512, 1024, 2048, 3072, 3584, 9216, 9728], ((40, 160, "One"), (200, 280, "Two"))
    film = write_clip(tmp_path / f"a{suffix}", pan(8), times=times, sound=True, subtitles=subtitles)
    out = made(generator, film, tmp_path / f"b{suffix}")
    for kind in ("video", "audio"):
        assert [pts for pts, _ in packets(out, kind)] == [pts for pts, _ in packets(film, kind)]
    assert packets(out, "audio") == packets(film, "audio")
    texts = [(time, text[-3:]) for time, text in packets(out, "subtitle") if len(text) > 2]  # in MP4, gaps are packets
    assert texts == [(40, b"One"), (200, b"Two")]
    with av.open(str(film)) as a, av.open(str(out)) as b:
        assert [each.type for each in b.streams if each.type != "data"] == ["video", "audio", "subtitle"]
        assert [each["metadata"] for each in b.chapters()] == [{"title": "One"}]
        assert b.metadata["title"] == "A pan"
        assert a.streams.video[0].time_base == b.streams.video[0].time_base
    assert not list(tmp_path.glob("*.parts*"))


def test_chroma_is_that_of_the_colour_whatever_the_matrix_and_range(generator, tmp_path):
    rgb = np.array([0.7, 0.4, 0.3])
    for space, full, (kr, kb) in ((6, 2, (0.299, 0.114)), (1, 1, (0.2126, 0.0722))):
        film = write_clip(tmp_path / f"{space}.mkv", pan(1), colorspace=space, color_range=full)
        picture = read_picture(film)
        luma = rgb @ (kr, 1 - kr - kb, kb)
        stored = luma * 255 if full == 2 else 16 + 219 * luma
        of_601 = rgb @ (0.299, 0.587, 0.114)
        chroma = np.array([(rgb[0] - of_601) / 1.402, (rgb[2] - of_601) / 1.772], np.float32)
        frame = Frame(np.full((64, 96), round(stored), np.uint8), 0, 1)
        frame.small, frame.chroma = np.full((160, 256), round(255 * luma), np.uint8), np.tile(chroma, (160, 256, 1))
        planes = film_frame(frame, picture)
        got = [np.frombuffer(planes.planes[each], np.uint8)[0] - 128.0 for each in (2, 1)]
        wanted = np.array([(rgb[0] - luma) / (2 - 2 * kr), (rgb[2] - luma) / (2 - 2 * kb)])
        assert np.abs(got - wanted * (255 if full == 2 else 224)).max() <= 0.6


def change(chromas, lumas):
    """Mean change of chroma along the flow, from frame to frame."""
    changes = []
    for a, b, first, second in zip(lumas, lumas[1:], chromas, chromas[1:], strict=False):
        motion = motion_between(a, b)
        changes.append(np.abs(second - moved(first, motion.back))[motion.back_trust > 0.5].mean())
    return np.mean(changes)


@pytest.fixture
def oracle(monkeypatch):
    """Puts the true colour of the frame with the nearest luma, and noise, in the network's place."""

    def install(images, noise=0.0):
        planes = np.stack([cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb) for image in images])
        chroma = (planes[..., 1:] / np.float32(255.0) - np.float32(128.0 / 255.0)).astype(np.float32)
        random = np.random.RandomState(0)

        def make(generator, luma, seed, points):
            nearest = np.abs(planes[..., 0].astype(int) - luma).mean((1, 2)).argmin()
            off = cv2.resize(random.normal(0.0, 1.0, (5, 9, 2)).astype(np.float32), luma.shape[::-1])
            return chroma[nearest] + np.float32(noise) * off

        monkeypatch.setattr(scenes, "coloring_side", lambda generator: 160)
        monkeypatch.setattr(scenes, "make_chroma", make)
        return chroma

    return install


def colored(film, **wishes):
    picture = read_picture(film)
    runs = Colorist(None, picture, **wishes).color(read_frames(film, picture, no_note, -1))
    return [each for run, _ in runs for each in run]


def test_colour_does_not_flicker_and_is_no_worse(oracle, tmp_path):
    images, random = pan(40, 288, 160), np.random.RandomState(0)
    grain = [random.normal(0, 4, (160, 288, 1)) for _ in images]
    noisy = [np.clip(image + each, 0, 255).astype(np.uint8) for image, each in zip(images, grain, strict=True)]
    film, results = write_clip(tmp_path / "a.mkv", noisy), {}
    for name, wishes in (("alone", {"every": 1}), ("steady", {})):
        true = oracle(images, noise=0.05)
        made = colored(film, **wishes)
        assert [each.pts for each in made] == [40 * number for number in range(40)]
        chromas = [each.chroma for each in made]
        results[name] = change(chromas, [each.small for each in made]), np.abs(np.array(chromas) - true).mean()
    assert results["steady"][0] <= 0.35 * results["alone"][0]
    assert results["steady"][1] <= results["alone"][1]


def test_what_moves_leaves_no_trail_and_a_scene_begins_anew(oracle, tmp_path):
    ground, images = data.coffee()[100:260, 100:388], []
    for t in range(24):
        images.append(ground.copy())
        images[-1][50:110, 8 * t : 8 * t + 60] = data.astronaut()[20:140:2, 170:290:2]
    images += pan(9, 288, 160)
    true, made = oracle(images), colored(write_clip(tmp_path / "a.mkv", images))
    off = [np.abs(each.chroma - chroma).mean(-1) for each, chroma in zip(made, true, strict=True)]
    assert motion_between(made[23].small, made[24].small).is_cut()
    assert off[24].max() < 0.01
    assert max(each.max() for each in off) < 2.0 * np.ptp(true)  # no speckles
    behind = [off[t][50:110, 8 * t - 24 : 8 * t - 4].mean() for t in range(4, 24)]
    contrast = np.abs(true[10][50:110, 80:140] - true[23][50:110, 80:140]).mean()
    assert np.mean(behind) < 0.1 * contrast


@pytest.mark.parametrize(
    ("wishes", "named"),
    [
        ({"color_trc": 16}, "HDR"),
        ({"options": {"flags": "+ildct+ilme"}}, "bwdif"),
        ({"cut": 0.5, "suffix": ".mp4"}, "a.mp4"),
        ({"cut": 0.0}, "a.mkv"),
        ({"sound_only": True}, "video stream"),
    ],
)
def test_what_cannot_be_coloured_is_refused(generator, tmp_path, wishes, named):
    film = tmp_path / f"a{wishes.pop('suffix', '.mkv')}"
    cut, sound_only = wishes.pop("cut", None), wishes.pop("sound_only", False)
    write_clip(film, pan(30), sound=sound_only, **wishes)
    if cut is not None:
        film.write_bytes(film.read_bytes()[: int(cut * film.stat().st_size)])
    if sound_only:
        with av.open(str(film)) as source, av.open(str(tmp_path / "b.mkv"), "w") as out:
            copy = out.add_stream_from_template(source.streams.audio[0])
            for packet in source.demux(source.streams.audio[0]):
                packet.stream = copy
                out.mux(packet)
        film = tmp_path / "b.mkv"
    with pytest.raises(UserError, match=named):
        made(generator, film, tmp_path / "out.mkv")
    assert not (tmp_path / "out.mkv").exists()


def test_a_film_that_ends_early_says_so(generator, tmp_path):
    film = write_clip(tmp_path / "a.mkv", pan(120))
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    notes = []
    made(generator, film, tmp_path / "out.mkv", damaged=True, note=notes.append)
    assert 10 < len(decoded(tmp_path / "out.mkv")) < 110
    assert any("4.8" in text for text in notes)


def test_the_film_itself_and_what_is_there_are_never_replaced(generator, tmp_path):
    film = write_clip(tmp_path / "a.mkv", pan(2))
    for out, overwrite in ((film, True), (write_clip(tmp_path / "b.mkv", pan(2)), False)):
        content = out.read_bytes()
        with pytest.raises(UserError, match=out.name):
            made(generator, film, out, overwrite=overwrite)
        assert out.read_bytes() == content
    with pytest.raises(UserError, match=r"none\.mkv"):  # though there is something to replace
        made(generator, tmp_path / "none.mkv", tmp_path / "b.mkv", overwrite=True)
    with pytest.raises(UserError, match="ffv2"):
        made(generator, film, tmp_path / "c.mkv", codec="ffv2")
    with pytest.raises(UserError, match="crf"):
        made(generator, film, tmp_path / "c.mkv", codec="mpeg4", crf=20)
