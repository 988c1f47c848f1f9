"""Trains a generator: `python train.py [--config configs/NAME.py] [--workdir DIR] [--config.key=value …]`."""

from pathlib import Path

from pix2pix_jax.commands import interrupts

if __name__ == "__main__":
    interrupts.leave_at_first()

from absl import flags
from ml_collections import config_flags

from pix2pix_jax import host
from pix2pix_jax.commands import cli, cpu, stopping
from pix2pix_jax.commands.config_dict import from_config_dict
from pix2pix_jax.config import all_keys
from pix2pix_jax.errors import UsageError
from pix2pix_jax.training import processes
from pix2pix_jax.training.loop import train

_EXPERIMENTS = ", ".join(sorted(file.stem for file in (Path(__file__).parent / "configs").glob("[!_]*.py")))
_CONFIG = config_flags.DEFINE_config_file(
    "config",
    None,
    f"The experiment; configs/demo.py where not given. In configs/ there are {_EXPERIMENTS}. The keys, each given as"
    f" --config.KEY=VALUE (what they mean stands in pix2pix_jax/config/keys.py): {', '.join(all_keys())}.",
)
flags.DEFINE_bool("version", False, "Prints the version.")  # see `cli`
_WORKDIR = flags.DEFINE_string("workdir", None, "The run's folder; runs/NAME where not given.")
_COORDINATOR = flags.DEFINE_string("coordinator", None, "HOST:PORT of process 0 of several, or auto (on a TPU pod).")
_NUM_PROCESSES = flags.DEFINE_integer("num_processes", None, "Processes in the run, one a host.", 1, 2**20)
_PROCESS_ID = flags.DEFINE_integer("process_id", None, "Which of them this is, from 0.", 0)
_JOIN_TIMEOUT = flags.DEFINE_integer("join_timeout", 300, "Seconds until all processes must have joined.", 1, 10**6)
_LOST_TIMEOUT = flags.DEFINE_integer(
    "lost_timeout", 30, "Seconds without a sign of life until one counts as dead.", 1, 10**6
)


def main(arguments: list[str]) -> None:
    """Trains the experiment that the flags describe."""
    if arguments[1:]:
        raise UsageError(f"{arguments[1]} is not a flag: values are given as --config.key=value")
    given = config_flags.get_override_values(flags.FLAGS["config"])
    size = flags.FLAGS["config.image_size"].default if "image_size" in given else None
    config = from_config_dict(_CONFIG.value, given, size)
    cli.use_compilation_cache()
    host.keep_freed_memory()
    processes.initialize(
        _COORDINATOR.value, _NUM_PROCESSES.value, _PROCESS_ID.value, _JOIN_TIMEOUT.value, _LOST_TIMEOUT.value
    )
    cpu.update_in_place()
    cpu.one_device_per_core(config)
    cli.check_devices()
    train(config, _WORKDIR.value or Path("runs") / config.name, stopping.stop_request())


if __name__ == "__main__":
    cli.run(main, Path(__file__).parent / "configs" / "demo.py", stopping.has_something_to_save)
