"""How a run's folder is called, and whether its photographs are the same."""

import shutil
import sys

import pytest
from tiny_runs import command, one_line, run

from pix2pix_jax.runs import newest

pytestmark = pytest.mark.process


def trained(*arguments, **options):
    done = run(*arguments, **options)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def refused(*arguments, **options):
    done = run(*arguments, **options)
    assert done.returncode == 1, done.stderr
    return one_line(done.stderr)


@pytest.fixture
def photos(tmp_path, photo_folder):
    return shutil.copytree(photo_folder, tmp_path / "in" / "photos")


def test_a_folder_of_any_name_trains_resumes_and_exports(tmp_path, photo_folder, environ):
    workdir = tmp_path / "holiday [2024] what? a* Zürich 写真" / "run"
    trained(command(workdir, photo_folder, num_steps=20), environ)
    assert "after step 20" in trained(command(workdir, photo_folder, num_steps=30), environ)
    export = [
        sys.executable,
        "-m",
        "pix2pix_jax.commands.start",
        "export",
        str(workdir),
        str(tmp_path / "g.safetensors"),
    ]
    assert trained(export, environ, cwd="/") == ""


def test_photographs_are_known_by_what_they_are(tmp_path, photos, environ):
    workdir = tmp_path / "run"
    trained(command(workdir, photos, num_steps=10), environ)
    # The same folder, spelled otherwise; and the same photographs, elsewhere.
    trained(command(workdir, photos, data__root="in/photos/", num_steps=20), environ, cwd=tmp_path)
    shutil.copytree(photos, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    said = trained(command(workdir, photos, data__root=f"{tmp_path}/elsewhere", num_steps=30), environ)
    assert "changed" not in said
    # More of them in the same folder.
    shutil.copy(photos / "00.png", photos / "more.png")
    trained(command(workdir, photos, data__root=f"{tmp_path}/elsewhere", num_steps=31), environ)
    shutil.copy(photos / "00.png", tmp_path / "elsewhere" / "more.png")
    said = trained(command(workdir, photos, data__root=f"{tmp_path}/elsewhere", num_steps=40), environ)
    assert "the photographs to train on have changed since the run began: 21 then, 22 now" in said
    # Others elsewhere.
    shutil.copytree(photos, tmp_path / "others")
    (tmp_path / "others" / "01.png").unlink()
    said = refused(command(workdir, photos, data__root=f"{tmp_path}/others", num_steps=50), environ)
    assert f"holds a run with config.data.root={tmp_path}/elsewhere, and {tmp_path}/others is asked for" in said
    assert newest(workdir / "checkpoints") == 40
