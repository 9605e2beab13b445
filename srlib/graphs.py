"""A network's graph and its weights, apart and together again: how the website gets its networks.

``torch.onnx`` needs seconds a network and a trained one changes only its numbers. So the graph is exported once
(:func:`srlib.export.graph`), with a hole where each weight belongs, and whoever has weights fills it: no torch needed.
Weights stay as they are stored: those of 16 bits are widened when the file is opened, as ``weights.load`` does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper

ABOUT = "srlib"  # the file's own property that says which network it is


class GraphError(ValueError):
    """Weights and a graph that do not belong together; the message says what to do."""


def hollow(model: onnx.ModelProto, weights: Mapping[str, object], about: dict) -> bytes:
    """A graph without its weights and without the exporter's notes (they name files of one machine).

    Args:
        model: an export in which every weight has kept its name.
        weights: their names; what else the graph holds (constants) stays in it.
        about: facts to keep in the file; :func:`about` reads them.
    """
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for part in (*model.graph.input, *model.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    del model.graph.value_info[:]  # shapes that a reader works out again
    for tensor in model.graph.initializer:
        if tensor.name in weights:
            tensor.ClearField("raw_data")
    helper.set_model_props(model, {ABOUT: json.dumps(about, sort_keys=True)})
    return model.SerializeToString(deterministic=True)


def about(graph: bytes) -> dict:
    """What :func:`hollow` was told."""
    return json.loads(next(p.value for p in onnx.load_model_from_string(graph).metadata_props if p.key == ABOUT))


def fill(graph: bytes, weights: Mapping[str, np.ndarray]) -> bytes:
    """The whole network as ONNX: the graph with its weights, each in the precision it is given in.

    Args:
        graph: from :func:`hollow`.
        weights: name -> array of float32 or float16; a graph need not use all of them (MDSR has three ends).

    Raises:
        GraphError: a weight is missing or of another shape.
    """
    model = onnx.load_model_from_string(graph)
    widened = []
    for tensor in model.graph.initializer:
        if tensor.HasField("raw_data") or 0 in tensor.dims:
            continue
        value = weights.get(tensor.name)
        if value is None or list(value.shape) != list(tensor.dims):
            what = "missing" if value is None else f"of shape {list(value.shape)}"
            raise GraphError(
                f"The graph needs {tensor.name} of shape {list(tensor.dims)}, but it is {what} in the weights. "
                "Export the graph again: python tools/tryit.py graphs"
            )
        name = tensor.name
        if value.dtype == np.float16:
            tensor.name, tensor.data_type = f"{name}.half", TensorProto.FLOAT16
            widened.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
        tensor.raw_data = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<")).tobytes()
    nodes = [*widened, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.ClearField("metadata_props")  # one network for several scales is one file
    return model.SerializeToString(deterministic=True)
