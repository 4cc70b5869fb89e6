"""Ray Serve (https://docs.ray.io/en/latest/serve): two replicas, @serve.batch."""

import os

import ray
from network import Network, open_picture, pixels
from ray import serve
from starlette.requests import Request

WORKERS = int(os.environ["PEER_WORKERS"])


@serve.deployment(num_replicas=WORKERS, max_ongoing_requests=64, ray_actor_options={"num_cpus": 1})
class Classifier:
    def __init__(self) -> None:
        self.network = Network()

    @serve.batch(max_batch_size=int(os.environ["PEER_BATCH"]), batch_wait_timeout_s=0.005)
    async def classify(self, images: list[bytes]) -> list[int]:
        return self.network.top1([pixels(open_picture(image)) for image in images])

    async def __call__(self, request: Request) -> dict:
        return {"index": await self.classify(await request.body())}


if __name__ == "__main__":
    ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PEER_PORT"])})
    serve.run(Classifier.bind(), blocking=True)
