"""Folders of photographs as people have them: nested, mixed, partly broken."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from helpers import save_image
from PIL import Image

from pix2pix_jax.data.sources.folder import FolderSource, open_folders
from pix2pix_jax.data.sources.scan import scan_folder
from pix2pix_jax.errors import UserError


def save_photo(path: Path, gray: int = 0, size: tuple[int, int] = (40, 30)) -> None:
    """Saves a photograph of one gray level, by which it can be told from others."""
    save_image(path, np.full((*size[::-1], 3), gray, np.uint8))


def gray_of(photo: np.ndarray) -> int:
    return int(photo[0, 0, 0])


@pytest.fixture
def ten(tmp_path):
    """A folder of ten photographs; number i has gray level 20 * i."""
    for i in range(10):
        save_photo(tmp_path / "ten" / f"{i}.png", 20 * i)
    return tmp_path / "ten"


def test_found_in_folders_within_folders_sorted_by_path(tmp_path):
    names = ["b/c/2.webp", "a.JPG", "b/1.png", "b.d/3.bmp", "z.tiff"]
    for name in names:
        save_photo(tmp_path / name)
    assert scan_folder(str(tmp_path), flag="--root")[1] == sorted(names)


def test_other_files_and_hidden_ones_are_left_alone(tmp_path, caplog):
    save_photo(tmp_path / "photo.png")
    for name in ("notes.txt", "film.mpg", "page.pdf", "no_extension", "._photo.png"):
        (tmp_path / name).write_text("not an image")
    save_photo(tmp_path / ".thumbnails" / "photo.png")
    _, files, skipped = scan_folder(str(tmp_path), flag="--root")
    assert files == ["photo.png"]
    assert list(skipped) == ["page.pdf"]
    assert ["page.pdf" in record.getMessage() for record in caplog.records] == [True]


def test_unreadable_files_are_skipped_with_a_warning_that_names_them(tmp_path, caplog):
    save_photo(tmp_path / "good.png", 50)
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "cut.webp").write_bytes(b"RIFF\x10\x00\x00\x00WEBPVP8 ")
    _, files, skipped = scan_folder(str(tmp_path), flag="--root")
    assert files == ["good.png"]
    assert sorted(skipped) == ["cut.webp", "empty.jpg", "text.png"]
    assert all(skipped.values())
    for name in skipped:
        assert str(tmp_path / name) in caplog.text
    for i in range(22):
        (tmp_path / f"{i:02}.jpg").write_bytes(b"")
    caplog.clear()
    scan_folder(str(tmp_path), flag="--root")
    assert len(caplog.records) == 11  # of many, the first are named and the others counted
    assert "skipping 15 more files" in caplog.text


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_decompression_bomb_is_skipped_with_its_reason(tmp_path, monkeypatch):
    save_photo(tmp_path / "good.png", size=(10, 10))
    save_photo(tmp_path / "large.png", size=(30, 50))  # of which Pillow warns, and which colouring takes
    save_photo(tmp_path / "bomb.png", size=(100, 100))  # Pillow refuses
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    _, files, skipped = scan_folder(str(tmp_path), flag="--root")
    assert files == ["good.png", "large.png"]
    assert "10000 pixels" in skipped["bomb.png"]


def test_linked_folder_is_followed_once(tmp_path):
    save_photo(tmp_path / "elsewhere" / "1.png")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "circle").symlink_to(tmp_path / "root")
    assert scan_folder(str(tmp_path / "root"), flag="--root")[1] == ["link/1.png"]


@pytest.mark.parametrize(
    "name", ["@eaDir/1.png", "#recycle", ".Trash-1000/files", ".AppleDouble", "Thumbs", "$RECYCLE.BIN", "in/@eaDir"]
)
def test_what_drives_and_bins_keep_is_left_out_and_counted(tmp_path, caplog, name):
    for file in ("1.png", "in/2.png", f"{name}/3.png", f"{name}/deeper/4.jpg"):
        save_photo(tmp_path / file)
    assert scan_folder(str(tmp_path), flag="--root")[1] == ["1.png", "in/2.png"]
    assert ["2 images" in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize("root", [".", "~/ten"])
def test_folders_as_they_are_typed(ten, monkeypatch, root):
    monkeypatch.chdir(ten)
    monkeypatch.setenv("HOME", str(ten.parent))
    (ten / "empty.jpg").write_bytes(b"")
    source, held_out = open_folders(root, "", 0.11, shorter_side=112)
    assert (len(source), len(held_out)) == (8, 2)  # a fraction is rounded up
    assert list(source.files) == sorted(source.files)
    assert sorted(source.files + held_out.files) == [f"{i}.png" for i in range(10)]
    assert source[0].shape == (30, 40, 3)
    assert (list(source.skipped), held_out.skipped) == (["empty.jpg"], {})  # told once


def test_damaged_and_lost_files_are_replaced_by_the_next_and_named_once(ten, caplog):
    files = [f"{i}.png" for i in range(10)]
    source = FolderSource(ten, files, shorter_side=112)
    assert [gray_of(source[i]) for i in range(10)] == [20 * i for i in range(10)]
    for i in (1, 4, 5, 9):  # their headers stay sound
        path = ten / f"{i}.png"
        path.write_bytes(path.read_bytes()[:-30])
    files.remove("7.png")
    source = FolderSource(ten, files, shorter_side=112)
    lost = ten / "2.png"
    lost.unlink()
    for _ in range(2):
        assert [gray_of(source[i]) // 20 for i in range(9)] == [0, 3, 3, 3, 6, 6, 6, 8, 0]
    assert sorted(source.skipped) == ["1.png", "2.png", "4.png", "5.png", "9.png"]
    assert "truncated" in source.skipped["4.png"]
    assert len(caplog.records) == 5
    assert str(lost) in caplog.text
    with pytest.raises(IndexError):
        source[9]
    for path in ten.iterdir():
        path.unlink()
    with pytest.raises(UserError, match=f"{ten}: not one of 9 images"):
        FolderSource(ten, files, shorter_side=112)[0]


def test_what_is_held_out_does_not_depend_on_where_the_folder_lies(ten):
    _, before = open_folders(str(ten), "", 0.3, shorter_side=112)
    moved = ten.rename(ten.parent / "moved")
    _, after = open_folders(str(moved), "", 0.3, shorter_side=112)
    # The smallest CRC-32 of all ten names: a new version must not mix up the two parts.
    assert before.files == after.files == ("3.png", "2.png", "9.png")


@pytest.mark.parametrize("place", ["ten/test", "other"])
def test_eval_root_is_evaluated_on_whole_and_not_trained_on(ten, tmp_path, place):
    for name in ("a.png", "b.png"):
        save_photo(tmp_path / place / name)
    train, held_out = open_folders(str(ten), str(tmp_path / place), 0.1, shorter_side=112)
    assert train.files == tuple(f"{i}.png" for i in range(10))
    assert sorted(held_out.files) == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("root", "eval_root", "fraction", "message"),
    [
        ("nowhere", "", 0.1, r"--config.data.root=.*nowhere: there is no such folder"),
        ("ten", "nowhere", 0.1, r"--config.data.eval_root=.*nowhere: there is no such folder"),
        ("nothing", "", 0.1, r"--config.data.root=.* holds no images; give a folder"),
        ("unreadable", "", 0.1, r"holds no images \(of 1 image files, none can be read\)"),
        ("ten", "ten", 0.1, r"lies in --config.data.eval_root"),
        ("ten/part", "ten", 0.1, r"lies in --config.data.eval_root"),
        ("ten", "", 0.95, r"holding out 10 of its 10 photographs leaves none"),
        ("ten", "", 0.0, r"data.eval_fraction=0.0: wanted .* between 0"),
    ],
)
def test_folders_that_cannot_be_used(ten, tmp_path, root, eval_root, fraction, message):
    for name in ("nothing", "unreadable"):
        (tmp_path / name).mkdir()
    (tmp_path / "unreadable" / "empty.jpg").write_bytes(b"")
    if root == "ten/part":
        save_photo(ten / "part" / "1.png")
    with pytest.raises(UserError, match=message):
        open_folders(f"{tmp_path}/{root}", eval_root and f"{tmp_path}/{eval_root}", fraction, shorter_side=112)


def test_folder_that_may_not_be_listed_is_named(ten, caplog, monkeypatch):
    save_photo(ten / "private" / "1.png")
    list_folder = os.scandir

    def list_unless_private(path: str) -> object:
        if Path(path).name == "private":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", list_unless_private)
    assert len(scan_folder(str(ten), flag="--root")[1]) == 10
    assert f"skipping folder {ten / 'private'}: Permission denied" in caplog.text
