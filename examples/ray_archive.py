"""Colours an archive on all machines of a Ray cluster: `python ray_archive.py ROOT OUT [--actors 8] [--gpus 1]`.

ROOT and OUT are folders of any file system that fsspec knows and every machine reaches, such as s3://bucket/scans or a
mounted drive. The same command goes on where it ended.
"""

import argparse
import sys
from pathlib import PurePosixPath

import ray
from fsspec.core import url_to_fs

from pix2pix_jax.inference import ArchiveColorizer
from pix2pix_jax.photos import image_extensions

BATCH = 8  # photographs, which is what a machine that dies takes with it


def main() -> int:
    """Colours the archive; gives the exit status, 1 if any photograph could not be coloured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root")
    parser.add_argument("out")
    parser.add_argument("--checkpoint", help="a generator that every machine can read (default: the package's)")
    parser.add_argument("--actors", type=int, default=2, help="processes, one a core or a GPU (default: 2)")
    parser.add_argument("--gpus", type=float, default=0, help="GPUs for each (default: 0)")
    options = parser.parse_args()

    files, folder = url_to_fs(options.root)
    extensions = image_extensions()
    paths = [path for path in files.find(folder) if PurePosixPath(path).suffix.lower() in extensions]
    rows = [{"path": files.unstrip_protocol(path)} for path in sorted(paths)]

    # Actors have working folders of their own, so that relative paths would mean others there.
    root, out = (system.unstrip_protocol(path) for system, path in ((files, folder), url_to_fs(options.out)))
    ray.init(log_to_driver=False)
    colored = ray.data.from_items(rows, override_num_blocks=max(1, len(rows) // BATCH)).map_batches(
        ArchiveColorizer,
        fn_constructor_kwargs={"root": root, "out": out, "checkpoint": options.checkpoint},
        batch_size=BATCH,
        compute=ray.data.ActorPoolStrategy(size=options.actors),
        num_gpus=options.gpus,
        num_cpus=1,
    )
    done = failed = 0
    for row in colored.iter_rows():
        done += not row["error"]
        failed += bool(row["error"])
        if row["error"]:
            print(f"error: {row['path']}: {row['error']}", file=sys.stderr)
    print(f"{done} of {done + failed} photographs coloured: {options.out}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
