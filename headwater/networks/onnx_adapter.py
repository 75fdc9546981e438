"""The one place that knows onnxruntime, which is imported when a user brings an ONNX network."""

import os
import re
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
FLOATS: Final = ("tensor(float)", "tensor(float16)", "tensor(double)")


def open_onnx(content: bytes, threads: int) -> Callable[[FloatArray], FloatArray]:
    """The network of an ONNX file's bytes: from its one float32 input to its one output.

    It runs on the CPU with a fixed number of threads. It and what it returns raise ValueError in
    words of onnxruntime or ours.
    """
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    # They have no common ancestor but Exception.
    faults = (
        state.EPFail,
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NoSuchFile,
        state.NotImplemented,
        state.RuntimeException,
    )
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
    except faults as fault:
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

    def run(images: FloatArray) -> FloatArray:
        try:
            return np.asarray(session.run(None, {inputs[0].name: images})[0])
        except faults as fault:
            raise ValueError(_said(fault)) from fault

    return run


def _said(fault: Exception) -> str:
    """Message of onnxruntime, on one line, without its number and name of the fault."""
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", " ".join(str(fault).split()))
