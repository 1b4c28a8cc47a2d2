"""5.3 The training objective."""

import torch
from einops import rearrange, reduce
from torch import nn

from course_utils.checks.exercises.test_doubles import NoiseNet
from course_utils.checks.parts import edits
from course_utils.diffusion import add_noise, noise_loss
from course_utils.schedule import cosine_schedule

HINTS = [
    ("missing 1 required positional argument: 't'", r"net\(", "net takes two things, xt and t."),
    ("no attribute 'alpha", "schedule", "schedule.alpha_bar_at(t) gives alpha_bar for each t."),
]
PART = "You give the network a part of the batch.", "Call it once, with all of xt and t."
TUPLE = "You return a tuple.", "Return the loss alone: the training loop calls backward on it."
MODE = "Your loss calls net.eval() or net.train().", "Leave that to whoever trains the network."


def experiment(probe, noise_loss):
    schedule = cosine_schedule()
    for B, C, H, W in [(3, 1, 4, 5), (5, 2, 3, 2)]:
        net = NoiseNet().train(B == 3)
        x0, eps = probe.uniform(B, C, H, W) * 2 - 1, probe.normal(B, C, H, W)
        given = net, x0, probe.steps(B), eps, schedule
        with probe.advice(*HINTS):
            loss = probe.run("noise_loss(net, x0, t, eps, schedule)", noise_loss, *given)
        xt, t = net.asked[0] if net.asked else (None, None)
        probe.note("the whole batch", xt is None or len(xt) == B, *PART)
        look = "add_noise(x0, eps, alpha_bar) makes it, with alpha_bar at t for each picture."
        probe.note("The xt that the network is given", xt, look=look)
        probe.note("The t that the network is told", t, look="Hand on the t that is passed in.")
        probe.note("backward called", net.weight.grad is not None)
        probe.note("a tuple", type(loss) is tuple, *TUPLE)
        probe.note("the network's mode", net.training == (B == 3), *MODE, aside=True)
        probe.note("can be learned from", isinstance(loss, torch.Tensor) and loss.requires_grad)
        probe.call(noise_loss, *given)


def loss_step_by_step(net, x0, t, eps, schedule):
    alpha_bar = schedule.alpha_bar_at(t)
    xt = add_noise(x0, eps, alpha_bar)
    answer = net(xt, t)
    return ((answer - eps) ** 2).mean()


MISTAKES = """
# compared with a picture
- return ((answer - eps) ** 2).mean()
+ return ((answer - x0) ** 2).mean()
You compare the answer with a picture, x0 or xt. This network is asked for the noise, eps.
# differences that cancel
+ return (answer - eps).mean() ** 2
You take the mean of the differences themselves, so those of both signs cancel. Square each one
first, then take the mean.
# absolute differences
+ return (answer - eps).abs().mean()
You take absolute differences. The objective squares them.
# root of the mean square
+ return ((answer - eps) ** 2).mean().sqrt()
You take the root of the mean square. The objective has no root: F.mse_loss(answer, eps).
# sum instead of mean
+ return ((answer - eps) ** 2).sum()
| return ((answer - eps) ** 2).sum() / len(x0)
You add up the squares, over all pixels at least. Take the mean over everything, so that the loss
doesn't grow with the pictures or the batch.
# no mean
+ return (answer - eps) ** 2
| return ((answer - eps) ** 2).mean(dim=(1, 2, 3))
You return more than one number. The training loop calls backward on a single one: take the mean
over everything, the batch too.
# no gradient
+ return ((answer - eps) ** 2).mean().item()
| return ((answer - eps) ** 2).mean().detach()
No gradient comes out of your loss, so nothing can be learned from it. Return the tensor itself,
without .item(), .detach() or no_grad.
# backward called
+ loss = ((answer - eps) ** 2).mean()
+ loss.backward()
+ return loss
Your function calls backward() itself. The training loop does that, and it works only once. Return
the loss.
# network sees the clean picture
- net(xt, t)
+ net(x0, t)
The network is given the clean picture x0, where there is no noise to find. Give it xt.
# network told another t
+ net(xt, t / schedule.T)
| net(xt, alpha_bar)
You tell the network something other than t. Hand t on as it is: the sinusoids are made for whole
steps.
# roots missing
- alpha_bar = schedule.alpha_bar_at(t)
+ alpha_bar = schedule.alpha_bar_at(t)[:, None, None, None]
- add_noise(x0, eps, alpha_bar)
+ alpha_bar * x0 + (1 - alpha_bar) * eps
You mix x0 and eps without the roots, sqrt(alpha_bar) and sqrt(1 - alpha_bar). add_noise takes them.
# alpha_bar of all steps
+ alpha_bar = schedule.alpha_bar
schedule.alpha_bar holds the values of all T steps. Each picture needs the one of its own step:
schedule.alpha_bar_at(t).
# beta or alpha for alpha_bar
+ alpha_bar = 1 - schedule.betas[t]
beta and 1 - beta belong to a single step. What is left of the picture after all steps up to t is
their product, schedule.alpha_bar_at(t).
# noise at full strength
- xt = add_noise(x0, eps, alpha_bar)
+ xt = x0 + eps
You add eps at full strength at every step. add_noise(x0, eps, alpha_bar) mixes in as much as
belongs to t.
# picture and noise swapped
+ xt = add_noise(eps, x0, alpha_bar)
The picture and the noise are swapped in your call of add_noise(x0, eps, alpha_bar).
# alpha_bar given its axes twice
+ xt = add_noise(x0, eps, alpha_bar[:, None, None, None])
add_noise gives alpha_bar the three axes that it needs. Hand it the (B,) numbers as they are.
# noise of its own
+ eps = torch.randn_like(x0)
+ xt = add_noise(x0, eps, alpha_bar)
or
- answer - eps
+ answer - torch.randn_like(x0)
You draw noise of your own. Use the eps that is passed in, both to make xt and to compare with.
"""


def loss_by_hand(net, x0, t, eps, schedule):
    a = schedule.alpha_bar[t].view(-1, 1, 1, 1)
    return nn.MSELoss()(net(a**0.5 * x0 + (1 - a) ** 0.5 * eps, t), eps)


def loss_by_norm(net, x0, t, eps, schedule):
    wrong = eps - net(add_noise(x0, eps, schedule.alpha_bar_at(t)), t)
    return wrong.norm() ** 2 / wrong.numel()


def loss_by_einops(net, x0, t, eps, schedule):
    alpha_bar = rearrange(schedule.alpha_bar_at(t), "b -> b 1 1 1")
    predicted = net(torch.sqrt(alpha_bar) * x0 + torch.sqrt(1.0 - alpha_bar) * eps, t)
    return reduce(torch.pow(predicted - eps, 2), "b c h w -> ", "mean")


REFERENCE = noise_loss
LOOK = (
    "The network gets the right xt and t. So look at what comes after: the loss is the mean "
    "over the squares of all differences between the answer and eps, without another factor."
)
CATALOGUE = edits(loss_step_by_step, MISTAKES)
ALSO_RIGHT = [loss_by_hand, loss_by_norm, loss_by_einops]
