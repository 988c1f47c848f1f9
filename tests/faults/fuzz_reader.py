"""Coverage-guided fuzzing of the reader of photographs.

    python tests/faults/fuzz_reader.py CORPUS -max_total_time=300

Needs atheris, which is no dependency of this project, and the package on PYTHONPATH. CORPUS is a folder, which is
filled with small files of all formats where it is empty, and takes up what reaches new code. Found is whatever is no
exception: a crash, an input of more than twenty seconds, too much memory, pixels of another type than they should be.
"""

import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["PIL", "pix2pix_jax.photos"]):
    import numpy as np
    from PIL import Image, ImageCms  # noqa: F401 - imported while imports are watched

    from pix2pix_jax.photos import load, metadata_to_keep, open_image, read_image, save_options, srgb_bands

sys.path.insert(0, str(Path(__file__).parents[1]))
from faults import hostile

_SCRATCH = tempfile.TemporaryDirectory()
_FILE = Path(_SCRATCH.name) / "photo"


def read(data: bytes) -> None:
    """Reads a file as colouring and as training do."""
    _FILE.write_bytes(data)
    try:
        with open_image(_FILE) as image:
            decoded, _ = load(image, damaged=True)
            rows = 0
            for _, pixels, _ in srgb_bands(decoded):
                assert pixels.mode in ("L", "RGB"), pixels.mode
                rows += pixels.height
            save_options("PNG", metadata_to_keep(image), image.size)
        assert rows == decoded.height
        rgb = read_image(_FILE, 32)
    except AssertionError as error:
        if error.__traceback__ and error.__traceback__.tb_next is None:  # this file's own; Pillow has some too
            raise
    except Exception:  # Pillow's plugins do not agree on a type
        return
    else:
        assert rgb.dtype == np.uint8
        assert rgb.ndim == 3
        assert rgb.shape[2] == 3


def main() -> None:
    """Fills the corpus where it is empty, and fuzzes."""
    warnings.simplefilter("ignore")
    Image.init()
    Image.MAX_IMAGE_PIXELS = 2**20  # lets the fuzzer try more
    corpus = Path(sys.argv[1])
    corpus.mkdir(exist_ok=True)
    if not any(corpus.iterdir()):
        photo = Image.radial_gradient("L").resize((24, 16)).convert("RGB")
        random = np.random.default_rng(0)
        seeds = [*hostile.formats(photo), *hostile.lying(photo), *hostile.odd(photo, random)]
        for number, (_, content) in enumerate(seeds):
            if len(content) < 2**15:
                (corpus / f"{number:03d}").write_bytes(content)
    atheris.Setup([sys.argv[0], "-timeout=20", "-rss_limit_mb=3000", "-max_len=32768", *sys.argv[1:]], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
