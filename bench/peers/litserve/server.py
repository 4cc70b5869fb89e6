"""LitServe (https://lightning.ai/docs/litserve): a file upload, batches made by the server, two workers."""

import os

import litserve as ls
from network import Network, open_picture, pixels


class Classifier(ls.LitAPI):
    def setup(self, device):
        self.network = Network()

    def decode_request(self, request):
        return pixels(open_picture(request["image"].file.read()))

    def batch(self, inputs):
        return inputs

    def predict(self, batch):
        return self.network.top1(batch)

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return {"index": output}


if __name__ == "__main__":
    api = Classifier(max_batch_size=int(os.environ["PEER_BATCH"]), batch_timeout=0.005)
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=int(os.environ["PEER_WORKERS"]))
    server.run(host="127.0.0.1", port=int(os.environ["PEER_PORT"]), generate_client_file=False, log_level="warning")
