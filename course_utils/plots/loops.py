"""What is done again and again: a step of the training, a step of a sampler."""

import torch

from course_utils.diffusion import add_noise, velocity
from course_utils.plots.flow import Flow
from course_utils.plots.operations import Node


@torch.no_grad()
def draw_training_step(net, x0, t, eps, schedule, asks_for_v=False):
    """Draw one step of the training, with the pictures that net makes in it.

    UNet, (B, C, H, W), (B,), (B, C, H, W), Schedule -> figure

    The network is asked for the noise, or for v. The first of the batch is shown.
    """
    alpha_bar = schedule.alpha_bar_at(t)
    clean, noise = (
        Node("clean x0", value=x0, picture=True),
        Node("noise eps", value=eps, picture=True),
    )
    mix = Node(f"mix at t = {int(t[0])}", [clean, noise])
    noisy = Node("noisy xt", [mix], add_noise(x0, eps, alpha_bar), picture=True)
    network = Node("U-Net", [noisy])
    answer = Node("prediction", [network], net(noisy.value, t), picture=True)
    nodes, truth = [clean, noise, mix, noisy, network, answer], noise
    if asks_for_v:
        truth = Node("true v", [clean, noise], velocity(x0, eps, alpha_bar), picture=True)
        nodes.insert(3, truth)
    loss = Node("mean squared difference", [answer, truth])
    nodes.append(loss)
    drawing = Flow(nodes, nodes, len(x0))
    figure = drawing.draw("A training step")
    drawing.back(loss, network, "gradients; the optimizer changes the weights")
    return figure


def draw_sampler_step(sampler, net, xT, at=0.5, network="U-Net"):
    """Draw one step of a sampler as it goes, with the pictures that it makes.

    function of a network -> sampler, UNet, (B, C, H, W) -> figure

    sampler(net) is run to its end. at says which of its steps is shown, from 0 for the first to 1
    for the last; network is what stands in the box that looks.
    """
    seen = []

    def looks(xt, t):
        eps = net(xt, t)
        seen.append((xt, eps))
        return eps

    steps = list(sampler(looks))
    at = round(at * (len(steps) - 1))
    (t, after, guess), (before, eps) = steps[at], seen[at]
    xt = Node(f"xt, t = {t}", value=before, picture=True)
    look = Node(network, [xt])
    noise = Node("predicted noise", [look], eps, picture=True)
    x0 = Node("predicted x0", [noise, xt], guess, picture=True)
    mix = Node("mix, with less noise", [x0, noise])
    left = f"t = {steps[at + 1][0]}" if at + 1 < len(steps) else "the end"
    following = Node(f"xt, {left}", [mix], after, picture=True)
    nodes = [xt, look, noise, x0, mix, following]
    drawing = Flow(nodes, nodes, len(xT))
    figure = drawing.draw("A sampler's step")
    drawing.back(following, xt, f"{len(steps)} times, from t = {steps[0][0]} to {steps[-1][0]}")
    return figure
