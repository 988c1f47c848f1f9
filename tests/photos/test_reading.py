"""One reader: what training, evaluating and colouring see of a file is the same."""

import importlib.util
import io
from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_images
from PIL import Image

from pix2pix_jax.data.sources.scan import scan_folder
from pix2pix_jax.photos import read_image

RGB = smooth_images(1, 48)[0]


def test_a_jpeg_that_lacks_its_end_alone_is_whole(tmp_path: Path):
    photo = Image.fromarray(RGB).resize((300, 200))
    for options in ({}, {"progressive": True}, {"restart_marker_rows": 1}):
        buffer = io.BytesIO()
        photo.save(buffer, "JPEG", quality=90, **options)
        whole = buffer.getvalue()
        path = tmp_path / "a.jpg"
        path.write_bytes(whole)
        wanted = read_image(path)
        for missing in (1, 2):
            path.write_bytes(whole[:-missing])
            np.testing.assert_array_equal(read_image(path), wanted)
        for missing in (20, 200, len(whole) // 2):
            path.write_bytes(whole[:-missing])
            with pytest.raises(OSError, match="truncated"):
                read_image(path)


def test_heic_is_named_with_what_reads_it(tmp_path: Path):
    if importlib.util.find_spec("pillow_heif"):
        pytest.skip("which is installed")
    for name in ("a.HEIC", "b.png"):
        Image.fromarray(RGB).save(tmp_path / name, "PNG")
    _, files, skipped = scan_folder(str(tmp_path), flag="--root")
    assert files == ["b.png"]
    assert "pip install pillow-heif" in skipped["a.HEIC"]


@pytest.mark.process
def test_heic_is_read_where_its_reader_is_installed(tmp_path: Path):
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.fromarray(RGB)).save(tmp_path / "a.HEIC")
    _, files, _ = scan_folder(str(tmp_path), flag="--root")
    assert files == ["a.HEIC"]
    assert np.abs(read_image(tmp_path / "a.HEIC").astype(int) - RGB).mean() < 8
