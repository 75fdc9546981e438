"""A training on one device, or on several that share every batch, each in a process of its own."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, Final

from lightning.fabric import Fabric
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.strategies.ddp import DDPStrategy
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from headwater.errors import HeadwaterError
from headwater.training.device import Devices
from headwater.training.run import Curve, Progress, Run

Train = Callable[[Any, Path, Run, Path], Curve]
MOST_CHARACTERS: Final = 2000


def train_on(
    devices: Devices, train: Train, config: Any, data: Path, run: Run, weights: Path
) -> Curve:
    """Call ``train(config, data, run, weights)`` with ``run.fabric`` set to the devices.

    On several, a process for each calls it at the same time; the first one's weights, curve and
    progress count. Raises HeadwaterError as it does, and where one of them ends early.
    """
    fabric = fabric_of(devices)
    if devices.count == 1:
        return train(config, data, replace(run, fabric=fabric), weights)
    failures: list[HeadwaterError] = []
    with _messages(run.progress, failures) as sender, _no_process_left():
        try:
            quiet = replace(run, progress=None)
            return fabric.launch(partial(_in_process, train, config, data, quiet, weights, sender))
        except (ProcessRaisedException, ProcessExitedException) as error:
            ended = error
    if failures:
        raise failures[0] from ended
    if isinstance(ended, ProcessExitedException):
        raise HeadwaterError(_ending(ended, devices.count)) from ended
    raise ended


def _ending(ended: ProcessExitedException, count: int) -> str:
    """A sentence on a process that ended without an error of its own."""
    how = ended.signal_name or f"status {ended.exit_code}"
    return (
        f"process {ended.error_index + 1} of {count} of the training ended with {how}; most often "
        "memory ran out: train on fewer devices, or another size; it goes on from its last "
        "checkpoint"
    )


def fabric_of(devices: Devices) -> Fabric:
    """Lightning's handle of the devices; those of several are started by its ``launch``."""
    options: dict[str, Any] = {}
    if devices.count > 1:
        strategy = DDPStrategy(start_method="spawn", find_unused_parameters=True)
        # Else a cluster's variables in the environment would stand for other processes.
        options = {"strategy": strategy, "plugins": [LightningEnvironment()]}
    return Fabric(
        accelerator=devices.kind,
        devices=devices.count,
        precision="bf16-mixed" if devices.precision == "bf16" else "32-true",
        **options,
    )


def _in_process(
    train: Train,
    config: Any,
    data: Path,
    run: Run,
    weights: Path,
    sender: Connection,
    fabric: Fabric,
) -> Curve:
    """Training in the process of one device. Only the first one's weights are kept."""
    progress: Progress = partial(_send, sender)
    with TemporaryDirectory() as aside:
        own = weights if fabric.is_global_zero else Path(aside) / weights.name
        try:
            return train(config, data, replace(run, fabric=fabric, progress=progress), own)
        except HeadwaterError as error:
            sender.send(str(error)[:MOST_CHARACTERS])
            raise


def _send(sender: Connection, step: int, steps: int, record: dict[str, float]) -> None:
    sender.send((step, steps, record))


@contextmanager
def _messages(progress: Progress | None, failures: list[HeadwaterError]) -> Iterator[Connection]:
    """Pipe for the progress of processes, passed on, and for errors, put into ``failures``."""
    receiver, sender = multiprocessing.get_context("spawn").Pipe(duplex=False)

    def listen() -> None:
        shown = progress
        while True:
            try:
                message = receiver.recv()
            except EOFError:
                return
            if isinstance(message, str):
                failures.append(HeadwaterError(message))
            elif shown is not None:
                try:
                    shown(*message)
                except KeyboardInterrupt:
                    # Nobody reads any more; this thread must go on emptying the pipe.
                    shown = None
                    os.kill(os.getpid(), signal.SIGINT)

    listener = Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield sender
    finally:
        # The pipe ends when nobody can write into it any more: this process, and those started.
        sender.close()
        listener.join()


@contextmanager
def _no_process_left() -> Iterator[None]:
    """End the processes started inside when it is left by an interrupt."""
    before = set(multiprocessing.active_children())
    try:
        yield
    except BaseException:
        for process in set(multiprocessing.active_children()) - before:
            process.kill()
            process.join()
        raise
