"""The one place that knows onnxruntime, which is imported when a user brings an ONNX network."""

import os
import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
FLOATS: Final = ("tensor(float)", "tensor(float16)", "tensor(double)")


def open_onnx(content: bytes, threads: int) -> Callable[[FloatArray], FloatArray]:
    """The network of an ONNX file's bytes: from its one float32 input to its one output.

    It runs on the CPU with a fixed number of threads. It and what it returns raise ValueError in
    words of onnxruntime or ours.
    """
    session = _session(content, threads)
    name = session.get_inputs()[0].name

    def run(images: FloatArray) -> FloatArray:
        try:
            return np.asarray(session.run(None, {name: images})[0])
        except _faults() as fault:
            raise ValueError(_said(fault)) from fault

    return run


def onnx_side(content: bytes) -> int | None:
    """Side, px, of the square images (1, 3, S, S) that a network takes; None where it takes any.

    Raises ValueError as ``open_onnx``, and for a network of other images.
    """
    shape = _session(content, threads=1).get_inputs()[0].shape
    fixed = [size if isinstance(size, int) and size > 0 else None for size in shape]
    if len(fixed) != 4 or fixed[0] not in (1, None) or fixed[1] not in (3, None):
        raise ValueError(f"its input is {shape}, not an RGB image (1, 3, height, width)")
    if fixed[2] != fixed[3]:
        raise ValueError(f"its input is {fixed[2]} x {fixed[3]} px, not a square")
    return fixed[2]


def _session(content: bytes, threads: int) -> Any:
    """The runtime of an ONNX file's bytes that has one float32 input and one output of floats."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # what fails is raised as well
    # Weights in a second file would be in no sha256: they are looked for where there are none.
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", os.devnull
    )
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except _faults() as fault:
        said = _said(fault)
        if "external data" in said.lower():
            said = "its weights are in another file; save it as one, as with external_data=False"
        raise ValueError(said) from fault
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(f"it has {len(inputs)} inputs and {len(outputs)} outputs, not one of each")
    if inputs[0].type != "tensor(float)":
        raise ValueError(f"its input is a {inputs[0].type}, not a tensor(float), which is float32")
    if outputs[0].type not in FLOATS:
        raise ValueError(f"its output is a {outputs[0].type}, not one of {', '.join(FLOATS)}")
    return session


def _faults() -> tuple[type[Exception], ...]:
    """Exceptions of onnxruntime; they have no common ancestor but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return (
        state.EPFail,
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NoSuchFile,
        state.NotImplemented,
        state.RuntimeException,
    )


def _said(fault: Exception) -> str:
    """Message of onnxruntime, on one line, without its number and name of the fault."""
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", " ".join(str(fault).split()))
