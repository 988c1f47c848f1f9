"""Folders of photographs as people have them: nested, mixed, partly broken."""

import errno
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix_jax.data.sources.folder import FolderSource, open_folders
from pix2pix_jax.data.sources.scan import scan_folder
from pix2pix_jax.errors import UserError


def save_photo(path: Path, gray: int = 0, size: tuple[int, int] = (40, 30)) -> None:
    """Saves a photograph of one gray level, by which it can be told from others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (gray, gray, gray)).save(path)


def save_truncated(path: Path) -> None:
    """Saves a photograph whose header is sound but whose pixels end too early."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((64, 64), 50).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def gray_of(photo: np.ndarray) -> int:
    return int(photo[0, 0, 0])


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    """A folder of ten photographs; number i has gray level 20 * i."""
    for i in range(10):
        save_photo(tmp_path / "ten" / f"{i}.png", 20 * i)
    return tmp_path / "ten"


def source_of(root: Path) -> FolderSource:
    contents = scan_folder(str(root), flag="--config.data.root")
    return FolderSource(root, contents.files, shorter_side=112, skipped=contents.skipped)


# --- What is found -----------------------------------------------------------------------------


def test_found_in_folders_within_folders_sorted_by_path(tmp_path: Path) -> None:
    names = ["b/c/2.webp", "a.JPG", "b/1.png", "b.d/3.bmp", "z.tiff"]
    for name in names:
        save_photo(tmp_path / name)
    assert scan_folder(str(tmp_path), flag="--root").files == tuple(sorted(names))


def test_other_files_and_hidden_ones_are_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save_photo(tmp_path / "photo.png")
    for name in ("notes.txt", "film.mpg", "page.pdf", "no_extension", "._photo.png"):
        (tmp_path / name).write_text("not an image")
    save_photo(tmp_path / ".thumbnails" / "photo.png")
    contents = scan_folder(str(tmp_path), flag="--root")
    assert contents.files == ("photo.png",)
    assert contents.skipped == {}
    assert not caplog.records


def test_unreadable_files_are_skipped_with_a_warning_that_names_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_photo(tmp_path / "good.png", 50)
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "cut.webp").write_bytes(b"RIFF\x10\x00\x00\x00WEBPVP8 ")
    contents = scan_folder(str(tmp_path), flag="--root")
    assert contents.files == ("good.png",)
    assert sorted(contents.skipped) == ["cut.webp", "empty.jpg", "text.png"]
    assert all(contents.skipped.values())
    for name in contents.skipped:
        assert str(tmp_path / name) in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_many_unreadable_files_are_counted_not_all_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save_photo(tmp_path / "good.png")
    for i in range(25):
        (tmp_path / f"{i:02}.jpg").write_bytes(b"")
    assert len(scan_folder(str(tmp_path), flag="--root").skipped) == 25
    assert len(caplog.records) == 11
    assert "skipping 15 more files" in caplog.text


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_decompression_bomb_is_skipped_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_photo(tmp_path / "good.png", size=(10, 10))
    save_photo(tmp_path / "large.png", size=(30, 50))  # of which Pillow warns, and which colouring takes
    save_photo(tmp_path / "bomb.png", size=(100, 100))  # Pillow refuses
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    contents = scan_folder(str(tmp_path), flag="--root")
    assert contents.files == ("good.png", "large.png")
    assert "10000 pixels" in contents.skipped["bomb.png"]


def test_linked_folder_is_followed_once(tmp_path: Path) -> None:
    save_photo(tmp_path / "elsewhere" / "1.png")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "circle").symlink_to(tmp_path / "root")
    assert scan_folder(str(tmp_path / "root"), flag="--root").files == ("link/1.png",)


@pytest.mark.parametrize(
    "name", ["@eaDir/1.png", "#recycle", ".Trash-1000/files", ".AppleDouble", "Thumbs", "$RECYCLE.BIN", "in/@eaDir"]
)
def test_what_drives_and_bins_keep_is_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    for file in ("1.png", "in/2.png", f"{name}/3.png", f"{name}/deeper/4.jpg"):
        save_photo(tmp_path / file)
    assert scan_folder(str(tmp_path), flag="--root").files == ("1.png", "in/2.png")
    assert ["2 images" in record.getMessage() for record in caplog.records] == [True]


def test_home_directory(ten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(ten.parent))
    assert len(scan_folder("~/ten", flag="--root").files) == 10


def test_folder_given_relative_to_the_current_one(ten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ten)
    source, held_out = open_folders(".", "", 0.1, shorter_side=112)
    assert len(source) == 9
    assert sorted(source.files + held_out.files) == [f"{i}.png" for i in range(10)]
    assert source[0].shape == (30, 40, 3)


# --- What is given -----------------------------------------------------------------------------


def test_items_in_order(ten: Path) -> None:
    source = source_of(ten)
    assert len(source) == 10
    assert [gray_of(source[i]) for i in range(10)] == [20 * i for i in range(10)]


def test_index_out_of_range(ten: Path) -> None:
    with pytest.raises(IndexError):
        source_of(ten)[10]


def test_truncated_file_is_replaced_by_the_next_and_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_photo(tmp_path / "1.png", 10)
    save_truncated(tmp_path / "2.jpg")
    save_truncated(tmp_path / "3.jpg")
    save_photo(tmp_path / "4.png", 40)
    save_truncated(tmp_path / "5.jpg")
    source = source_of(tmp_path)
    for _ in range(2):
        assert [gray_of(source[i]) for i in range(5)] == [10, 40, 40, 40, 10]
    assert sorted(source.skipped) == ["2.jpg", "3.jpg", "5.jpg"]
    assert "truncated" in source.skipped["2.jpg"]
    assert len(caplog.records) == 3
    assert str(tmp_path / "2.jpg") in caplog.text


def test_file_deleted_meanwhile_is_replaced(ten: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = source_of(ten)
    (ten / "3.png").unlink()
    assert gray_of(source[3]) == 80
    assert list(source.skipped) == ["3.png"]
    assert "3.png" in caplog.text


def test_no_image_can_be_decoded(tmp_path: Path) -> None:
    for i in range(3):
        save_truncated(tmp_path / f"{i}.jpg")
    with pytest.raises(UserError, match=f"{tmp_path}: not one of 3 images"):
        source_of(tmp_path)[0]


# --- What is held out --------------------------------------------------------------------------


def test_held_out_fraction_is_rounded_up_and_disjoint(ten: Path) -> None:
    train, held_out = open_folders(str(ten), "", 0.11, shorter_side=112)
    assert len(held_out) == 2
    assert list(train.files) == sorted(train.files)
    assert sorted(train.files + held_out.files) == [f"{i}.png" for i in range(10)]


def test_adding_photographs_hardly_changes_what_is_held_out(ten: Path) -> None:
    for i in range(10, 100):
        save_photo(ten / f"{i}.png")
    _, before = open_folders(str(ten), "", 0.2, shorter_side=112)
    for i in range(100, 110):
        save_photo(ten / f"{i}.png")
    _, after = open_folders(str(ten), "", 0.2, shorter_side=112)
    assert len(set(before.files) & set(after.files)) >= 15


def test_what_is_held_out_does_not_depend_on_where_the_folder_lies(ten: Path) -> None:
    _, before = open_folders(str(ten), "", 0.3, shorter_side=112)
    moved = ten.rename(ten.parent / "moved")
    _, after = open_folders(str(moved), "", 0.3, shorter_side=112)
    # The smallest CRC-32 of all ten names: a new version must not mix up the two parts.
    assert before.files == after.files == ("3.png", "2.png", "9.png")


def test_skipped_files_are_told_once(ten: Path) -> None:
    (ten / "empty.jpg").write_bytes(b"")
    train, held_out = open_folders(str(ten), "", 0.1, shorter_side=112)
    assert list(train.skipped) == ["empty.jpg"]
    assert held_out.skipped == {}


def test_eval_root_is_judged_on_whole(ten: Path, tmp_path: Path) -> None:
    save_photo(tmp_path / "other" / "a.png")
    save_photo(tmp_path / "other" / "b.png")
    train, held_out = open_folders(str(ten), str(tmp_path / "other"), 0.1, shorter_side=112)
    assert len(train) == 10
    assert sorted(held_out.files) == ["a.png", "b.png"]


def test_eval_root_inside_root_is_not_trained_on(ten: Path) -> None:
    save_photo(ten / "test" / "a.png")
    train, held_out = open_folders(str(ten), str(ten / "test"), 0.1, shorter_side=112)
    assert train.files == tuple(f"{i}.png" for i in range(10))
    assert held_out.files == ("a.png",)


# --- What cannot be used -----------------------------------------------------------------------


def open_root(root: object, eval_root: object = "", eval_fraction: float = 0.1) -> None:
    open_folders(str(root), str(eval_root), eval_fraction, shorter_side=112)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--config.data.root=.*nowhere: there is no such folder"):
        open_root(tmp_path / "nowhere")


def test_missing_eval_folder(ten: Path) -> None:
    with pytest.raises(UserError, match=r"--config.data.eval_root=.*nowhere: there is no such"):
        open_root(ten, ten / "nowhere")


def test_file_instead_of_a_folder(ten: Path) -> None:
    with pytest.raises(UserError, match=r"1.png is a file; give the folder"):
        open_root(ten / "1.png")


def test_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--config.data.root=.* holds no images; give a folder"):
        open_root(tmp_path)


def test_folder_without_a_readable_image(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    with pytest.raises(UserError, match=r"holds no images \(of 1 image files, none can be read\)"):
        open_root(tmp_path)


def test_root_inside_eval_root(ten: Path) -> None:
    for root in (ten, ten / "part"):
        save_photo(root / "1.png")
        with pytest.raises(UserError, match=r"lies in --config.data.eval_root"):
            open_root(root, ten)


def test_nothing_left_to_train_on(tmp_path: Path) -> None:
    save_photo(tmp_path / "only.png")
    with pytest.raises(UserError, match=r"holding out 1 of its 1 photographs leaves none"):
        open_root(tmp_path)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 5.0, float("nan")])
def test_fraction_out_of_range(ten: Path, fraction: float) -> None:
    with pytest.raises(UserError, match=rf"data.eval_fraction={fraction}: wanted .* between 0"):
        open_root(ten, eval_fraction=fraction)


def test_folder_that_may_not_be_listed_is_named(
    ten: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photo(ten / "private" / "1.png")
    list_folder = os.scandir

    def list_unless_private(path: str) -> object:
        if Path(path).name == "private":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", list_unless_private)
    assert len(scan_folder(str(ten), flag="--root").files) == 10
    assert f"skipping folder {ten / 'private'}: Permission denied" in caplog.text
