"""MLServer (https://mlserver.readthedocs.io): the Open Inference Protocol, adaptive batching, two parallel workers."""

import base64

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput
from network import Network, open_picture, pixels


class Classifier(MLModel):
    async def load(self) -> bool:
        self.network = Network()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        images = [base64.b64decode(image) for image in payload.inputs[0].data]
        indices = self.network.top1([pixels(open_picture(image)) for image in images])
        output = ResponseOutput(name="index", datatype="INT64", shape=[len(indices), 1], data=indices)
        return InferenceResponse(model_name=self.name, outputs=[output])
