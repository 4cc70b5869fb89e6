"""Asks a gateway with Triton's own client, unchanged, and prints what it understood as one JSON object.

usage: open-inference.py HOST:PORT ENCODED_PICTURE PIXELS WIDTH HEIGHT
PIXELS: a file of RGB bytes, [height, width, 3].
"""

import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

MODEL = "cifar10"
address, encoded_file, pixels_file, width, height = sys.argv[1:]
encoded = open(encoded_file, "rb").read()
pixels = np.fromfile(pixels_file, dtype=np.uint8).reshape(int(height), int(width), 3)
client = triton.InferenceServerClient(address)


def ask(values, datatype, outputs=None, binary=True, **more):
    tensor = triton.InferInput("image", list(values.shape), datatype)
    tensor.set_data_from_numpy(values, binary_data=binary)
    named = None if outputs is None else [triton.InferRequestedOutput(name, binary_data=binary) for name in outputs]
    result = client.infer(MODEL, [tensor], outputs=named, **more)
    names = [output["name"] for output in result.get_response()["outputs"]]
    tensors = {name: as_json(result.as_numpy(name)) for name in names}
    return {"response": {k: v for k, v in result.get_response().items() if k != "outputs"}, "tensors": tensors}


def as_json(array):
    values = [value.decode() if isinstance(value, bytes) else value for value in array.flatten().tolist()]
    return {"dtype": str(array.dtype), "shape": list(array.shape), "values": values}


def error_of(work):
    try:
        work()
    except InferenceServerException as error:
        return {"status": error.status(), "message": error.message()}
    raise AssertionError("it was not refused")


one = np.array([encoded], dtype=np.object_)
batch = np.stack([pixels, pixels[:, ::-1]])
metadata = client.get_model_metadata(MODEL)
version = metadata["versions"][0]
print(
    json.dumps(
        {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "model_ready": client.is_model_ready(MODEL),
            "version_ready": client.is_model_ready(MODEL, version),
            "other_ready": client.is_model_ready(MODEL, "1"),
            "server": client.get_server_metadata(),
            "metadata": metadata,
            "index": client.get_model_repository_index(),
            "bytes": ask(one, "BYTES", request_id="42", model_version=version),
            "column": ask(one.reshape(1, 1), "BYTES", parameters={"policy": "full", "top": 3}),
            "uint8": ask(batch, "UINT8"),
            "fp32": ask(batch.astype(np.float32), "FP32"),
            "numbers": ask(batch, "UINT8", ["label", "probability"], binary=False),
            "logits": ask(one, "BYTES", ["logits", "macs"], parameters={"top": 10}),
            "gzip": ask(batch, "UINT8", request_compression_algorithm="gzip"),
            "deflate": ask(batch, "UINT8", request_compression_algorithm="deflate"),
            "asynchronous": as_json(
                client.async_infer(MODEL, [_ := triton.InferInput("image", [1], "BYTES").set_data_from_numpy(one)])
                .get_result()
                .as_numpy("label")
            ),
            "errors": {
                "damaged": error_of(lambda: ask(np.array([encoded, encoded[:200]], dtype=np.object_), "BYTES")),
                "policy": error_of(lambda: ask(one, "BYTES", parameters={"policy": "wild"})),
                "output": error_of(lambda: ask(one, "BYTES", ["scores"])),
                "shape": error_of(lambda: ask(batch.transpose(0, 3, 1, 2).copy(), "UINT8")),
                "late": error_of(lambda: ask(np.zeros((200, 150, 150, 3), np.uint8), "UINT8", timeout=1000)),
                "model": error_of(lambda: client.get_model_metadata("dogs")),
            },
        }
    )
)
