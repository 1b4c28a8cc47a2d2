"""11.1 The loss of straight lines."""

import torch
from einops import rearrange, reduce
from torch import nn

from course_utils.checks.exercises.test_doubles import LineNet
from course_utils.checks.parts import describe, edits, is_tensor
from course_utils.diffusion import add_noise, velocity  # noqa: F401  in the mistakes
from course_utils.schedule import cosine_schedule
from course_utils.straight import on_line, straight_loss
from course_utils.unet import timesteps

ONE_STEP = "t may be one int, the same step for all pictures: timesteps(t, x0) makes (B,) of it."
HINTS = [
    (r"'tuple' object", r"", "labels is a tuple, which may be empty. A star unpacks it: net(xt, t, "
     "*labels)."),
    (r"'(float|int)' object|not (float|int)", r"", ONE_STEP),
    (r"missing 1 required positional argument: 't'", r"", "net takes xt, t, and the labels."),
    (r"must match the size", r"", "The time is (B,) and needs three more axes before it meets "
     "pictures: time[:, None, None, None]. on_line adds them itself."),
]  # fmt: skip
CASES = [
    (3, 1, 4, 5, 1000, 0, ""),
    (5, 2, 3, 2, 40, 0, "This is right for 1000 steps. The last step is schedule.T - 1, whose time "
     "is 1."),
    (4, 1, 2, 3, 40, 2, "This is right without labels. Hand them on: net(xt, t, *labels)."),
    (2, 3, 1, 4, 40, 1, f"This is right for t of shape (B,). {ONE_STEP}"),
]  # fmt: skip
XT = "The point on the line is (1 - time) * x0 + time * eps, with time = t / (schedule.T - 1)."


def experiment(probe, straight_loss):
    for B, C, H, W, T, labels, look in CASES:
        net, schedule = LineNet().train(B == 3), cosine_schedule(T)
        x0, eps = probe.uniform(B, C, H, W) * 2 - 1, probe.normal(B, C, H, W)
        t = 7 if B == 2 else torch.cat([torch.tensor([0, T - 1]), 1 + probe.steps(B - 2, T - 2)])
        known = [probe.steps(B, 10)] * (labels > 0)
        given = net, x0, t, eps, schedule, *known
        with probe.advice(*HINTS, look=look):
            what = f"straight_loss(net, x0, t, eps, schedule{', labels' * len(known)})"
            note_asked(probe, net, probe.run(what, straight_loss, *given), look or XT, t, B)
            probe.call(straight_loss, *given)
    probe.on_fake_device(straight_loss, net, x0, 7, eps, schedule)
    probe.on_fake_device(straight_loss, net, x0, torch.tensor([5, 9]), eps, schedule)


def note_asked(probe, net, loss, look, t, B):
    """Write down what the network was asked, and what kind of loss came out."""
    tip = "Call it once, with all of xt and t: net(xt, t, *labels)."
    probe.note("evaluations", len(net.asked), f"The network is called {len(net.asked)} times.", tip)
    xt, told, labels = net.asked[0] if net.asked else (None, None, None)
    probe.note("The xt that the network is given", xt, look=look)
    told = told.expand(B) if told is not None and len(told) == 1 else told
    probe.note("The t that the network is told", told, look="Hand on the steps t as they are.")
    probe.note("The labels that the network is told", labels)
    called = net.weight.grad is not None
    probe.note("backward", called, "Your loss calls backward.", "The training loop does that.")
    kept = is_tensor(loss) and loss.requires_grad
    probe.note(
        "can be learned from", kept, "No gradient comes out of your loss." if is_tensor(loss) else
        f"Your function returns {describe(loss)}.",
        "Return the mean itself, a tensor, without .item() or .detach().",
    )  # fmt: skip
    wrong = "Your loss calls net.eval() or .train()."
    tip = "Leave that to whoever trains the network."
    probe.note("the network's mode", net.training == (B == 3), wrong, tip, aside=True)


def straight_step_by_step(net, x0, t, eps, schedule, *labels):
    time = timesteps(t, x0) / (schedule.T - 1)
    xt = on_line(x0, eps, time)
    answer = net(xt, t, *labels)
    return ((answer - (eps - x0)) ** 2).mean()


MISTAKES = """
# direction the wrong way round
- (eps - x0)
+ (x0 - eps)
You ask for x0 - eps. The direction leads from the picture to the noise, as t grows: it's eps - x0.
# brackets missing
+ eps - x0
or
- (answer - (eps - x0))
+ (answer + (eps - x0))
You add x0 where you should subtract it, or eps too. Put the direction in brackets: answer - (eps -
x0).
# noise asked for
+ (answer - eps)
You compare the answer with the noise, as noise_loss does. This network is asked for a direction,
eps - x0.
# picture asked for
+ (answer - x0)
| (answer - xt)
You compare the answer with a picture. This network is asked for the direction, eps - x0.
# direction from the point
+ (answer - (eps - xt))
| (answer - (xt - x0))
You ask for the way from or to xt, which is only a part of the line. The direction is that of the
whole line, eps - x0, the same at every t.
# velocity asked for
+ (answer - ((1 - time) * eps.movedim(0, -1) - time * x0.movedim(0, -1)).movedim(-1, 0))
or
- ((answer - (eps - x0)) ** 2).mean()
+ ((answer - velocity(x0, eps, schedule.alpha_bar_at(timesteps(t, x0)))) ** 2).mean()
You ask for a mixture of eps and x0, as with v. On a straight line both have the factor 1: eps - x0.
# differences that cancel
+ (answer - (eps - x0)).mean() ** 2
You take the mean first, so differences of both signs cancel. Square each one, then take the mean.
# absolute differences
+ (answer - (eps - x0)).abs().mean()
You take absolute differences. The loss squares them.
# root of the mean square
+ ((answer - (eps - x0)) ** 2).mean().sqrt()
You take the root of the mean square. The loss has no root: F.mse_loss(answer, eps - x0).
# sum instead of mean
+ ((answer - (eps - x0)) ** 2).sum()
| ((answer - (eps - x0)) ** 2).sum() / len(x0)
You add up the squares. Take the mean over everything, so that the loss doesn't grow with the size
of the pictures or the batch.
# halved
+ ((answer - (eps - x0)) ** 2).mean() / 2
You halve the mean square. The loss has no factor: F.mse_loss(answer, eps - x0).
# no mean
+ (answer - (eps - x0)) ** 2
| ((answer - (eps - x0)) ** 2).mean(dim=(1, 2, 3))
You return more than one number. Take the mean over everything, the batch too: training calls
backward on a single one.
# weighted by the time
+ ((answer - (eps - x0)) ** 2 * time[:, None, None, None]).mean()
You weight each picture by its time. Here all times count alike: take the plain mean.
# no gradient
+ ((answer - (eps - x0)) ** 2).mean().item()
| ((answer - (eps - x0)) ** 2).mean().detach()
No gradient comes out of your loss, so nothing can be learned from it. Return the tensor itself,
without .item(), .detach() or no_grad.
# network told the time
- net(xt, t, *labels)
+ net(xt, time, *labels)
| net(xt, t / schedule.T, *labels)
You tell the network the time, from 0 to 1. Its sinusoids are made for whole steps, so hand on t.
# network sees an end of the line
+ net(x0, t, *labels)
| net(eps, t, *labels)
The network is given an end of the line, x0 or eps. Give it the point between them, xt.
# labels forgotten
+ net(xt, t)
The labels don't reach the network. Hand on what came in, if anything: net(xt, t, *labels).
# divided by T
- time = timesteps(t, x0) / (schedule.T - 1)
+ time = timesteps(t, x0) / schedule.T
You divide by T, so the last step isn't quite noise. The steps end at T - 1, whose time has to be 1.
# always 1000 steps
+ time = timesteps(t, x0) / 999
| time = timesteps(t, x0) / 1000
You divide by a fixed number of steps. Schedules differ in length: divide by schedule.T - 1.
# step not made a time
+ time = timesteps(t, x0)
You mix with the step t itself, which goes up to T - 1. The time is t / (schedule.T - 1), at most 1.
# t must have a shape
+ time = t / (schedule.T - 1)
t may be one int, the same step for all pictures, and then on_line has no axis to work with.
timesteps(t, x0) makes (B,) of it.
# times of its own
+ time = torch.rand(len(x0), device=x0.device)
You draw times of your own, so xt doesn't belong to the t that the network is told. The time is t /
(schedule.T - 1).
# time from noise to picture
+ time = 1 - timesteps(t, x0) / (schedule.T - 1)
or
- on_line(x0, eps, time)
+ on_line(eps, x0, time)
Picture and noise have changed places in xt. At step 0 xt is x0, and at the last step it's eps:
on_line(x0, eps, time).
# noise of its own
- time = timesteps(t, x0) / (schedule.T - 1)
+ eps = torch.randn_like(x0)
+ time = timesteps(t, x0) / (schedule.T - 1)
or
- answer - (eps - x0)
+ answer - (torch.randn_like(x0) - x0)
You draw noise of your own. Use the eps that is passed in, both for xt and for the direction.
# mixed as in DDPM
- on_line(x0, eps, time)
+ add_noise(x0, eps, schedule.alpha_bar_at(timesteps(t, x0)))
You mix with add_noise, whose path is curved. A straight line has the shares 1 - time and time.
# roots of the shares
+ add_noise(x0, eps, 1 - time)
You take roots of the shares, so xt is on no straight line. It's (1 - time) * x0 + time * eps.
# noise at full strength
+ x0 + (time * eps.movedim(0, -1)).movedim(-1, 0)
Your xt keeps all of x0 at every time. As the noise comes in, the picture goes: its share is 1 -
time.
# backward called
- return ((answer - (eps - x0)) ** 2).mean()
+ loss = ((answer - (eps - x0)) ** 2).mean()
+ loss.backward()
+ return loss
Your function calls backward() itself. The training loop does that, and it works only once.
"""


def straight_by_hand(net, x0, t, eps, schedule, *labels):
    share = (torch.as_tensor(t, device=x0.device) / (schedule.T - 1)).view(-1, 1, 1, 1)
    return nn.functional.mse_loss(net(x0 * (1 - share) + eps * share, t, *labels), eps - x0)


def straight_by_direction(net, x0, t, eps, schedule, *labels):
    if isinstance(t, int):
        t = torch.full((x0.shape[0],), t, device=x0.device)
    direction = eps - x0
    xt = x0 + (t.float() / (schedule.T - 1))[:, None, None, None] * direction
    wrong = direction - net(xt, t, *labels)
    return wrong.norm() ** 2 / wrong.numel()


def straight_by_lerp(net, x0, t, eps, schedule, *labels):
    end, step = len(schedule.alpha_bar) - 1, timesteps(t, x0)
    xt = torch.lerp(x0, eps, step.to(x0.dtype).div(end).reshape(-1, 1, 1, 1))
    return nn.MSELoss()(net(xt, step, *labels), eps.sub(x0))


def straight_by_einops(net, x0, t, eps, schedule, *labels):
    time = rearrange(timesteps(t, x0) / (schedule.T - 1), "b -> b 1 1 1")
    u = net((1 - time) * x0 + time * eps, t, *labels)
    return reduce((u + x0 - eps).square(), "b c h w -> b", "mean").mean()


REFERENCE = straight_loss
LOOK = (
    "The network gets the right xt and t. So look at what comes after: the loss is the mean "
    "over the squares of all differences between the answer and eps - x0."
)
CATALOGUE = edits(straight_step_by_step, MISTAKES)
ALSO_RIGHT = [straight_by_hand, straight_by_direction, straight_by_lerp, straight_by_einops]
