"""Commands as a user runs them: in this process, and in an empty working directory."""

import functools
from collections.abc import Callable

import pytest
from PIL import Image

from pix2pix_jax.inference import trained


@pytest.fixture(scope="session")
def loaded():
    """`load_trained` that reads each file once."""
    return functools.cache(trained.load_trained)


@pytest.fixture
def run(loaded, tmp_path, monkeypatch, capsys):
    """Runs a command's `main`: gives its exit status, the lines of stdout, and those of stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(trained, "load_trained", loaded)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)

    def run(main: Callable, *arguments: object) -> tuple[int, list[str], list[str]]:
        try:
            status = main([str(argument) for argument in arguments]) or 0
        except SystemExit as stopped:
            status = stopped.code
        captured = capsys.readouterr()
        return status, captured.out.splitlines(), captured.err.splitlines()

    return run
