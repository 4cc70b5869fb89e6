"""The loss of a network with several exits."""

import torch
import torch.nn.functional as F

SMOOTHING = 0.1


def exits_loss(
    logits: list[torch.Tensor], labels: torch.Tensor, teacher: torch.Tensor, weights: tuple[float, ...], distil: float = 0.5
) -> torch.Tensor:
    """
    Summed over pictures, weighted over exits: cross-entropy with the labels, mixed with the divergence from the distribution of
    `teacher` [n, classes] (share `distil`). An exit that is the teacher itself learns the labels alone.
    """
    target = F.softmax(teacher.detach(), dim=1)
    total = logits[0].new_zeros(())
    for z, weight in zip(logits, weights):
        hard = F.cross_entropy(z, labels, label_smoothing=SMOOTHING, reduction="sum")
        if z is teacher:
            total = total + weight * hard
        else:
            soft = F.kl_div(F.log_softmax(z, dim=1), target, reduction="sum")
            total = total + weight * ((1 - distil) * hard + distil * soft)
    return total
