"""Eight virtual CPU devices for every test, and what several test files share."""

import os
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

# Before JAX is imported. Compilation is most of the tests' time, and code without LLVM's slower passes is the same
# mathematics; what depends on the exact program (a resumed run, say) is tested in processes of its own.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = " ".join(
    [
        os.environ.get("XLA_FLAGS", ""),
        "--xla_force_host_platform_device_count=8",
        "--xla_backend_optimization_level=0",
        "--xla_llvm_disable_expensive_passes=true",
        # Each version of JAX has its own option that compiles faster, and stops at one that it does not know.
        {
            "0.10": "--xla_cpu_use_fusion_emitters=false",
            "0.12": "--xla_cpu_opt_preset=CPU_OPT_PRESET_FAST_COMPILE",
        }.get(".".join(version("jaxlib").split(".")[:2]), ""),
    ]
)

import jax
import pytest
from helpers import initial_state, smooth_images
from PIL import Image

from pix2pix_jax import ops
from pix2pix_jax.config import default_config, updated
from pix2pix_jax.inference import TrainedGenerator
from pix2pix_jax.ops import plain


@pytest.fixture(scope="module", autouse=True)
def compiled_programs() -> Iterator[None]:
    """Kept for one file's tests: those of all files would take 5 GB in each of the two processes."""
    yield
    jax.clear_caches()


@pytest.fixture(scope="module")
def plain_operations():
    """The plain forms, which compile several times faster; the others are held against them in `tests/ops`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in set(ops.__all__) & set(vars(plain)):
            patch.setattr(ops, name, getattr(plain, name))
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """Debian's Chromium, driven by Playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        pytest.skip("there is no Chromium here")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def generator_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of a generator that nobody trained, of strong colours, at home on photographs of 32×32."""
    config = updated(default_config(), {"image_size": 32, "data.resize": 32})
    params = {**initial_state().generator.params}
    params["dec4"] = jax.tree.map(lambda leaf: 40.0 * leaf, params["dec4"])
    path = tmp_path_factory.mktemp("generator") / "generator.safetensors"
    TrainedGenerator(config, params, initial_state().averages).save(path)
    return path


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 small PNG photographs."""
    folder = tmp_path_factory.mktemp("photos")
    for number, image in enumerate(smooth_images(24, 40)):
        Image.fromarray(image).save(folder / f"{number:02d}.png")
    return folder
