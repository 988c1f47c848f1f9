"""What befalls runs: processes killed and stopped, disks filled, files damaged. Each test really does it."""

import subprocess

import pytest
import tiny_runs


@pytest.fixture(scope="session")
def environ(tmp_path_factory):
    return tiny_runs.environment(tmp_path_factory.mktemp("programs"))


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 4 MB, and a way to fill it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
