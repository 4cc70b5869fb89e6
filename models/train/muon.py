"""Muon for convolution kernels: steps with orthogonalised momentum (Keller Jordan, "Muon: an optimizer for hidden layers", 2024)."""

import torch


def orthogonal(g: torch.Tensor, rounds: int = 5) -> torch.Tensor:
    """The nearest matrix with all singular values near 1, by a quintic Newton-Schulz iteration; g is [rows, columns]."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = g.shape[0] > g.shape[1]
    x = g.T if tall else g
    x = x / (x.norm() + 1e-7)
    for _ in range(rounds):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """
    For kernels that a batch norm follows, so that their length does not matter: each is kept at length sqrt(rows), and `lr` is the
    share by which a step turns it. A kernel [cout, cin, k, k] counts as a matrix [cout, cin * k * k].
    """

    def __init__(self, params, lr: float, momentum: float = 0.9):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(p)
                state["momentum"].mul_(group["momentum"]).add_(p.grad)
                ahead = p.grad.add(state["momentum"], alpha=group["momentum"])
                turned = orthogonal(ahead.reshape(len(p), -1)).view_as(p)
                p.mul_(len(p) ** 0.5 / p.norm()).add_(turned, alpha=-group["lr"])
