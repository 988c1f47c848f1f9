"""Eight virtual CPU devices for every test, and what several test files share."""

import importlib
import os
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
    ]
)

import numpy as np
import pytest
from ml_collections import ConfigDict
from PIL import Image

EXPERIMENTS = ("ycrcb_rgb", "ycrcb_ycrcb", "rgb_rgb_gray", "rgb_rgb", "ycrcb_l1")


def load_config(name: str) -> ConfigDict:
    """The config of `configs/NAME.py`."""
    return importlib.import_module(f"configs.{name}").get_config()


def smooth_images(count: int, side: int, seed: int = 0) -> np.ndarray:
    """Photograph-like noise, with detail at several scales: uint8 RGB [count, side, side, 3]."""
    random = np.random.RandomState(seed)
    images = np.zeros((count, side, side, 3), np.float32)
    for cells in (2, 4, 8, side):
        # Interpolated: in flat areas, rounding would turn whole groups of activations on or off at once.
        for image, coarse in zip(images, random.uniform(-1, 1, (count, cells, cells, 3)), strict=True):
            for channel in range(3):
                plane = Image.fromarray(coarse[..., channel].astype(np.float32))
                image[..., channel] += np.asarray(plane.resize((side, side), Image.Resampling.BICUBIC)) / cells**0.5
    low, high = images.min(), images.max()
    return (255.0 * (images - low) / (high - low)).astype(np.uint8)


@pytest.fixture(scope="session")
def generator_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of a generator that nobody trained, of strong colours, at home on photographs of 32×32."""
    import jax

    from pix2pix_jax.config import build_model, default_config
    from pix2pix_jax.trained import TrainedGenerator

    config = default_config()
    config.image_size = config.data.resize = 32
    state = build_model(config, total_steps=1).init_compiled(jax.random.key(5))
    params = {**state.generator.params}
    params["dec4"] = jax.tree.map(lambda leaf: 40.0 * leaf, params["dec4"])
    path = tmp_path_factory.mktemp("generator") / "generator.safetensors"
    TrainedGenerator(config, params, state.averages).save(path)
    return path


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 small PNG photographs."""
    folder = tmp_path_factory.mktemp("photos")
    for number, image in enumerate(smooth_images(24, 40)):
        Image.fromarray(image).save(folder / f"{number:02d}.png")
    return folder
