"""BentoML (https://docs.bentoml.com): a batchable API, two workers."""

import os

import bentoml
from network import Network, pixels
from PIL.Image import Image


@bentoml.service(
    workers=int(os.environ["PEER_WORKERS"]), traffic={"timeout": 60}, logging={"access": {"enabled": False}}
)
class Classifier:
    def __init__(self) -> None:
        self.network = Network()

    @bentoml.api(batchable=True, max_batch_size=int(os.environ["PEER_BATCH"]))
    def classify(self, images: list[Image]) -> list[int]:
        return self.network.top1([pixels(image) for image in images])
