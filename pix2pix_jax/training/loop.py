"""The training loop: batches in; checkpoints, figures and metrics out."""

import dataclasses
import gc
import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from pix2pix_jax import data, host
from pix2pix_jax.config import Config, check_fits, leaves, updated, validate
from pix2pix_jax.errors import UserError
from pix2pix_jax.figures import draw_curves, save_figure
from pix2pix_jax.files import typed_path
from pix2pix_jax.runs import METRICS_FILE, Checkpoints, MetricsWriter, Photographs, RunFolder, read_metrics
from pix2pix_jax.runs.checkpoints import newest, read_newest
from pix2pix_jax.state import Model, TrainState, build_model
from pix2pix_jax.training import notes, parallel, processes
from pix2pix_jax.training.held_out import HeldOut
from pix2pix_jax.training.loss_log import LossLog, Stopwatch
from pix2pix_jax.training.notes import total_steps
from pix2pix_jax.training.progress import Progress
from pix2pix_jax.training.warm_start import Beginning, load_beginning

_KEPT = {"device": "on the device", "host": "in a file", "none": "no"}  # by the loader's cache

# What may differ between the processes of one run: what a host has of its own.
_HOSTS_OWN = {f"data.{key}" for key in ("root", "eval_root", "tfds_dir", "cache", "cache_dir", "num_workers")}

Stop = AbstractContextManager[Callable[[], int]]
"""Entered while steps are taken; what it yields says after each whether to stop: the number of a signal, or 0."""


def train(config: Config, workdir: str | os.PathLike[str], stop: Stop | None = None) -> TrainState:
    """Trains from the newest checkpoint in a folder, or from the start, to the end.

    Args:
        config: see `pix2pix_jax.config`.
        workdir: the run's folder, made where there is none. It gets `config.json`, `metrics.jsonl`, `tensorboard/`,
            `curves.png`, `samples/` and `checkpoints/`; a run of the same config that is in it goes on. Several
            processes share it, and process 0 writes.
        stop: what may ask to stop; a checkpoint is then written. None: nothing does.

    Returns:
        The state after the last step.

    Raises:
        UserError: if the config, the data or the folder cannot be used, another process trains in the folder, or a
            loss is not finite any more.
        SystemExit: if `stop` asked to, with the status of the signal.
    """
    workdir = typed_path(workdir, "--workdir")
    if jax.device_count() != jax.local_device_count() * jax.process_count():
        raise UserError(
            f"process {jax.process_index()} has {jax.local_device_count()} of {jax.device_count()} devices in"
            f" {jax.process_count()} processes: a batch is split evenly, so use as many devices in each"
        )
    validate(config, jax.device_count())
    begin = None if newest(workdir / "checkpoints") else load_beginning(config)
    config, train_source, eval_source = _open_sources(config)
    eval_images = data.load_eval_images(eval_source, config.image_size, config.data.resize, config.data.eval_images)
    photographs = _photographs(train_source, eval_source)
    with ExitStack() as opened:
        first = jax.process_index() == 0
        folder = opened.enter_context(RunFolder(workdir)) if first else None
        last = newest(workdir / "checkpoints")
        _check_processes(config, last, photographs)
        resuming = last > 0
        before = folder.config() if folder and resuming else None
        remarks = folder.claim(config, photographs, resuming) if folder else []
        checkpoints = opened.enter_context(Checkpoints(workdir / "checkpoints", config.checkpoints_to_keep))
        total = total_steps(config, len(train_source))
        model = build_model(config, total)
        restored = read_newest(checkpoints.directory, jax.eval_shape(model.init, jax.random.key(config.seed)))
        start = int(restored.step) if restored else 0
        processes.check_alike({"the checkpoint to go on from": start})
        checkpoints.set_aside_damaged(start)
        writer = opened.enter_context(MetricsWriter(workdir, start)) if first else None
        stream = None if first else opened.enter_context(open(os.devnull, "w", encoding="utf-8"))
        progress = opened.enter_context(Progress(total, start, stream))
        if before is not None:
            remarks += notes.of_changed_rate(before, config, len(train_source), start)
        for remark in [*remarks, *notes.of_config(config)]:
            progress.note(remark)
        loop = _Loop(workdir, model, total, checkpoints, writer, progress, HeldOut(config, eval_images))
        return loop.run(train_source, restored, begin, stop or nullcontext(lambda: 0))


def check(config: Config, workdir: Path) -> None:
    """Raises UserError where `train` would not take a first step, or not go on with the run in the folder."""
    config, *sources = _open_sources(config)
    if newest(workdir / "checkpoints"):
        with RunFolder(workdir) as folder:
            folder.check(config, _photographs(*sources))


def _photographs(train_source: data.ImageSource, eval_source: data.ImageSource) -> Photographs:
    return {
        "to train on": (len(train_source), train_source.identity()),
        "held out": (len(eval_source), eval_source.identity()),
    }


def _open_sources(config: Config) -> tuple[Config, data.ImageSource, data.ImageSource]:
    """Opens the images to train on and those held out; the config then has what was left for them to say."""
    train_source, eval_source = data.make_sources(config)
    if isinstance(train_source, data.SizedSource):
        way = config.data.preprocess
        given = f"config.data.resize={config.data.resize}" if way == "scale_width" else f"config.data.preprocess={way}"
        for side, pixels in zip(("height", "width"), train_source.crop, strict=True):
            check_fits(config, pixels, pixels, f"with {given}, the pairs' {side} of {pixels} pixels")
    if isinstance(train_source, data.PairSource):
        config = updated(config, train_source.found)
    return config, train_source, eval_source


def _check_processes(config: Config, start: int, photographs: Photographs) -> None:
    """Makes sure that all processes train the same run on the same photographs in the same folder."""
    keys: dict[str, object] = {f"config.{key}": value for key, value in leaves(config).items() if key not in _HOSTS_OWN}
    keys["the newest checkpoint"] = start
    for part, (count, identity) in photographs.items():
        keys |= {f"the number of photographs {part}": count, f"the names or sizes of the photographs {part}": identity}
    processes.check_alike(keys)


@dataclasses.dataclass
class _Loop:
    """The loop, and what it writes on the way."""

    workdir: Path
    model: Model
    total: int  # steps in the whole run
    checkpoints: Checkpoints
    writer: MetricsWriter | None  # None in all processes but the first
    progress: Progress
    held_out: HeldOut
    losses: LossLog = dataclasses.field(default_factory=LossLog)
    watch: Stopwatch = dataclasses.field(default_factory=Stopwatch)
    last: dict[str, float] = dataclasses.field(default_factory=dict)  # the last evaluation
    untimed: int = 0  # steps since the last report whose time is not a step's, since they compiled

    def run(
        self, source: data.ImageSource, restored: TrainState | None, begin: Beginning | None, stop: Stop
    ) -> TrainState:
        """Takes the steps after `restored`, or after random weights into which `begin` puts trained ones."""
        config, total = self.model.config, self.total
        if restored is None:
            start, state = 0, self.model.init_compiled(jax.random.key(config.seed))
            state = begin(state) if begin else state
        else:
            start, state = int(restored.step), restored
            self.progress.note(f"resuming {self.workdir} after step {start:,}")
        if start >= total:
            self.progress.note(f"nothing to do: the run has taken its {total:,} steps")
            return state
        loader = data.Loader(
            source,
            batch_size=config.batch_size,
            image_size=config.image_size,
            resize=config.data.resize,
            seed=config.seed,
            cache=config.data.cache,
            cache_dir=config.data.cache_dir,
            num_workers=config.data.num_workers,
            mirror=config.data.mirror,
            notify=self.progress.note,
        )
        remark = f", {source.remark}" if isinstance(source, data.PairSource) and source.remark else ""
        self.progress.note(f"{len(source):,} images{remark}; kept decoded: {_KEPT[loader.cache]}")
        if start == 0:
            self._look(state, 0, samples_due=False)
        state, stopping = self._take_steps(parallel.place(state), start, loader, len(source), stop)
        if stopping:
            self.progress.note(
                f"{signal.Signals(stopping).name}: stopped after step {int(state.step):,};"
                " the same command goes on from there"
            )
            raise SystemExit(128 + stopping)
        if skipped := getattr(source, "skipped", None):
            self.progress.note(f"{len(skipped)} unreadable image files were skipped")
        for remark in notes.at_the_end(config, self.workdir, self.last):
            self.progress.note(remark)
        return state

    def _take_steps(
        self, state: TrainState, start: int, loader: data.Loader, num_images: int, stop: Stop
    ) -> tuple[TrainState, int]:
        """Takes the steps after `start`; gives the state, and the signal that asked to stop, or 0."""
        train_step = parallel.parallel_train_step(self.model)
        self.watch.lap()  # what came before is no step's
        with loader.iterate(start) as batches, stop as wanted:
            for number in range(start + 1, self.total + 1):
                with self.watch.waiting():
                    images = next(batches)
                state, metrics = train_step(state, images)
                self.losses.add(number, metrics)
                if number == start + 1:
                    jax.block_until_ready(metrics)
                    host.fill_holes()
                    self.progress.note(f"compiled, and took the first step, in {self.watch.lap()[0]:.1f} s")
                    self.untimed = 1
                self.progress.advance(number)
                stopping = processes.stop_after(number, wanted())
                self._after_step(state, number, num_images, stopping > 0)
                if stopping:
                    return state, stopping
        return state, 0

    def _after_step(self, state: TrainState, number: int, num_images: int, stopping: bool) -> None:
        def is_due(every: int) -> bool:
            return number % every == 0 or number == self.total

        config = self.model.config
        try:
            if is_due(config.log_every_steps):
                self._report(number, number * config.batch_size / num_images)
            with self.watch.paused():
                samples_due = is_due(config.sample_every_steps)
                if samples_due or is_due(config.eval_every_steps):
                    self.losses.fetch()
                    self._look(state, number, samples_due)
                if stopping or is_due(config.checkpoint_every_steps):
                    self._save(state)
        except FloatingPointError as error:
            kept = newest(self.checkpoints.directory)
            good = f"the last good checkpoint is step {kept} in {self.checkpoints.directory}"
            raise UserError(f"{error}: training stopped; {good if kept else 'there is no checkpoint yet'}") from error

    def _report(self, number: int, epoch: float) -> None:
        count, terms = self.losses.mean()
        seconds, waited = self.watch.lap()
        pace, self.untimed = (count - self.untimed) * self.model.config.batch_size / seconds, 0
        record = {"epoch": epoch, **terms, "images_per_second": pace, "data_wait_share": waited / seconds}
        if self.writer is not None:
            self.writer.write(number, record)
        self.progress.report(number, record)

    def _look(self, state: TrainState, number: int, samples_due: bool) -> None:
        """Evaluates the generator on the held-out images, and draws its outputs for the first few.

        Every process evaluates, so that none waits for long inside the next step, and process 0 writes.
        """
        made = self.held_out.make(state)
        if not np.isfinite(made).all():
            raise FloatingPointError(f"what the generator makes is not finite at step {number}")
        self.last = record = self.held_out.evaluate(made)
        if self.writer is None:
            return
        records = read_metrics(self.workdir / METRICS_FILE)
        if number and records and records[0]["step"] == 0:  # runs of earlier versions were not evaluated there
            own = [name for name in record if name.count("_") == 0]
            record |= {name.replace("/", "/start_"): records[0][name] for name in own}
        self.writer.write(number, record)
        self.progress.report_evaluation(number, record, notes.verdict(record)[0])
        if samples_due:
            name = self.workdir.resolve().name
            sheet, curves = self.workdir / "samples" / f"step_{number:08d}.png", self.workdir / "curves.png"
            self.held_out.draw(sheet, made, title=f"{name}, step {number:,}")
            with Image.open(sheet, formats=("PNG",)) as image:
                self.writer.write_image(number, "samples", np.asarray(image.convert("RGB")))
            save_figure(draw_curves(read_metrics(self.workdir / METRICS_FILE), name), curves)
            gc.collect()  # Matplotlib's figures hold themselves: 8 MB each time, which Python would let pile up

    def _save(self, state: TrainState) -> None:
        self.losses.fetch()
        host_state: TrainState = jax.device_get(state)
        for field in dataclasses.fields(host_state):
            if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(getattr(host_state, field.name))):
                raise FloatingPointError(f"{field.name} became infinite or NaN, seen after step {host_state.step}")
        self.checkpoints.save(host_state)
