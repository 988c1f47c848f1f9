"""How commands begin and end, and that the package does nothing to a process that imports it."""

import os
import subprocess
import sys

import pytest
from helpers import ROOT

import pix2pix_jax

pytestmark = pytest.mark.process


def run(*arguments, **environ):
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environ
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=120)


_IMPORTING = """
import importlib, logging, os, pkgutil, signal, sys, threading, warnings
import absl.logging, jax, matplotlib, orbax.checkpoint, PIL.Image, scipy, tensorboardX  # what they do is theirs

def state():
    filters = [logging.getLogger(name).filters[:] for name in ("", "absl", "asyncio", "PIL", "jax")]
    signals = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    ignored = [each for each in warnings.filters if "PIL" in str(each)]
    return filters, signals, sys.unraisablehook, threading.excepthook, ignored, dict(os.environ)

before = state()
import pix2pix_jax
for module in pkgutil.walk_packages(pix2pix_jax.__path__, "pix2pix_jax."):
    if not {"page", "film"} & set(module.name.split(".")):  # which need extras
        importlib.import_module(module.name)
names = "log filters", "signals", "unraisablehook", "excepthook", "warnings", "environment"
from pix2pix_jax import *
print([name for name, old, new in zip(names, before, state()) if old != new])
"""


def test_importing_the_package_changes_nothing(tmp_path):
    (tmp_path / "train.py").write_text(_IMPORTING)  # a user's own script may be called that
    done = run(str(tmp_path / "train.py"))
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_training_names_its_version_experiments_and_keys():
    assert run(str(ROOT / "train.py"), "--version").stdout == f"pix2pix_jax {pix2pix_jax.__version__}\n"
    said = run(str(ROOT / "train.py"), "--help").stdout
    assert {"pretrained_encoder,", "data.root,", "--[no]version:"} <= set(said.split())


_FIRST_STEP_ENDS = """
import signal, sys, time
from pix2pix_jax.commands import interrupts

saving = False
signal.signal(signal.SIGINT, lambda *_: None)
with interrupts.watched(lambda: saving):
    signal.raise_signal(signal.SIGINT)
    time.sleep(0.5)
    saving = {saving}
    time.sleep(4)
    print("saved")
"""


@pytest.mark.parametrize(("saving", "status"), [(True, 0), (False, 130)])
def test_a_checkpoint_that_is_begun_after_ctrl_c_is_written_to_its_end(saving, status):
    done = run("-c", _FIRST_STEP_ENDS.format(saving=saving))
    assert (done.returncode, done.stdout) == (status, "saved\n" if saving else "")


@pytest.mark.parametrize("platform", ["cuda", "nonsense"])
@pytest.mark.parametrize(
    "command",
    [
        [str(ROOT / "train.py"), "--workdir=run"],
        ["-m", "pix2pix_jax.commands.start", "colorize", str(ROOT / "README.md")],
        ["-m", "pix2pix_jax.commands.start", "export", "out.safetensors"],
    ],
)
def test_devices_that_are_not_there_are_one_line(platform, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(*command, JAX_PLATFORMS=platform)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert platform in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("error: ")
