"""One reader: what training, judging and colouring see of a file is the same."""

import io
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from helpers import smooth_images
from PIL import Image, PngImagePlugin

from pix2pix_jax.data.sources.scan import scan_folder
from pix2pix_jax.photos import read_image, readable

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


def test_heic_is_read_where_its_reader_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("a.HEIC", "b.png"):
        Image.new("RGB", (4, 2)).save(tmp_path / name, "PNG")
    _, files, skipped = scan_folder(str(tmp_path), flag="--root")
    assert files == ["b.png"]
    assert "pip install pillow-heif" in skipped["a.HEIC"]

    module = types.ModuleType("pillow_heif")
    module.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
    for mapping in ("OPEN", "EXTENSION"):
        monkeypatch.setattr(Image, mapping, dict(getattr(Image, mapping)))
    monkeypatch.setattr(Image, "ID", list(Image.ID))

    def register_heif_opener() -> None:
        Image.register_open("HEIF", PngImagePlugin.PngImageFile)
        Image.register_extension("HEIF", ".heic")

    module.register_heif_opener = register_heif_opener  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pillow_heif", module)
    functions = (readable.readable_formats, readable.image_extensions)
    for function in functions:
        function.cache_clear()
    try:
        assert scan_folder(str(tmp_path), flag="--root")[1] == ["a.HEIC", "b.png"]
        assert read_image(tmp_path / "a.HEIC").shape == (2, 4, 3)
    finally:
        monkeypatch.undo()
        for function in functions:
            function.cache_clear()
