import errno
import os

import pytest

from pix2pix_jax.errors import UserError
from pix2pix_jax.evaluation import Table
from pix2pix_jax.files import make_folder, replacing, typed_path, write_text, writing

TABLE = Table(("", "PSNR"), [["grey|image", "22.2"], ["<truth>", ""]])


def test_tables_are_aligned_and_escaped():
    assert TABLE.plain().splitlines() == ["            PSNR", "grey|image  22.2", "<truth>"]
    assert TABLE.markdown().splitlines()[1:3] == ["| --- | ---: |", "| grey\\|image | 22.2 |"]
    assert "<td>&lt;truth&gt;</td><td></td>" in TABLE.html()


def test_a_folder_is_made_with_its_parents(tmp_path):
    make_folder(tmp_path / "a" / "b", "--out")
    assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write to .*file.x \(Not a directory\): choose another --out"):
        make_folder(tmp_path / "file" / "x", "--out")


def test_a_file_is_replaced_whole(tmp_path):
    write_text(tmp_path / "t.md", "one")
    write_text(tmp_path / "t.md", "ΔE")
    assert (tmp_path / "t.md").read_text(encoding="utf-8") == "ΔE"
    assert [path.name for path in tmp_path.iterdir()] == ["t.md"]


def test_a_file_that_cannot_be_written_is_as_it_was(tmp_path):
    def fail(path):
        with replacing(path) as temporary:
            temporary.write_bytes(b"tw")
            raise OSError(28, "No space left on device")

    write_text(tmp_path / "t.md", "one")
    with pytest.raises(OSError, match="No space left"):
        fail(tmp_path / "t.md")
    assert (tmp_path / "t.md").read_text(encoding="utf-8") == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["t.md"]


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_appears_meanwhile_is_kept(tmp_path, monkeypatch, links):
    def refuse(*_, **__):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if not links:  # as on exFAT
        monkeypatch.setattr("os.link", refuse)
    with replacing(tmp_path / "b", overwrite=False) as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "b").read_text() == "whole"

    def write_too_late():
        with replacing(tmp_path / "a", overwrite=False) as temporary:
            temporary.write_text("other")
            (tmp_path / "a").write_text("precious")

    with pytest.raises(FileExistsError):
        write_too_late()
    assert (tmp_path / "a").read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_a_replaced_file_keeps_its_mode_and_a_new_one_has_the_usual(tmp_path):
    (tmp_path / "usual").touch()
    write_text(tmp_path / "t", "one")
    assert (tmp_path / "t").stat().st_mode == (tmp_path / "usual").stat().st_mode
    owner = (1234, 1235) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(tmp_path / "t", *owner)
    (tmp_path / "t").chmod(0o640)
    write_text(tmp_path / "t", "two")
    assert (tmp_path / "t").stat().st_mode & 0o7777 == 0o640
    assert ((tmp_path / "t").stat().st_uid, (tmp_path / "t").stat().st_gid) == owner


def test_paths_as_they_are_typed(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    typed = {
        "~": "/home/me",
        "~/x y": "/home/me/x y",
        "a/../b/": "a/../b",
        "x:1/y": "x:1/y",
        "a~": "a~",
        "C:/x": "C:/x",
    }
    for text, wanted in typed.items():
        assert str(typed_path(text, "--out")) == wanted
    with pytest.raises(UserError, match=r"--out=~nobody-of-this-name/x: there is no such home folder"):
        typed_path("~nobody-of-this-name/x", "--out")


@pytest.mark.parametrize("text", ["gs://bucket/run", "s3://b", "hdfs:///x", "https://a.example/x"])
def test_addresses_are_no_paths(text):
    with pytest.raises(UserError, match=f"--workdir={text} is an address, and only files and folders of this machine"):
        typed_path(text, "--workdir")


def test_an_error_of_the_file_system_names_the_file_and_the_room(tmp_path):
    wanted = r"cannot write .*x.png: No space left on device; [\d,.]+ MB are free there"
    with pytest.raises(UserError, match=wanted), writing(tmp_path / "x.png"):
        raise OSError(28, "No space left on device")
