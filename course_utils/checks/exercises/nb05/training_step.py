"""5.6 A training step."""

import random
from dataclasses import dataclass, field

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader

from course_utils.checks.exercises.nb05.sampling import mixture
from course_utils.checks.exercises.nb06.noisy_batch import note_noise
from course_utils.checks.exercises.test_doubles import NoiseNet, as_float
from course_utils.checks.parts import (
    DeviceMismatch,
    describe,
    difference,
    freeze,
    is_tensor,
)
from course_utils.diffusion import training_step
from course_utils.schedule import Schedule

CALL = "training_step(net, optimizer, images, schedule, loss{})"
LR, STEPS, N, T = 0.1, 30, 12, 10
ORDER = ["loss", "backward", "step"]
DRAW = "torch.randint(schedule.T, (batch,))"
HINTS = [
    ("does not require grad", "backward", "The loss must be computed with gradients: leave out "
     "no_grad, .detach() and .item() before backward()."),
    ("'Watch' object has no attribute", "", "loss is the function; call backward() or item() on "
     "what it returned: value = loss(...), then value.backward()."),
    ("'float' object has no attribute 'backward'", "", "Call backward() on what loss returns, and "
     "take .item() of it at the end."),
    (r"Watch.__call__\(\)", "", "Five things go into loss: loss(net, x0, t, eps, schedule)."),
]  # fmt: skip


@dataclass
class Watch:
    """A loss that writes down what it is called with, and what is done in a step, in order."""

    net: torch.nn.Module
    given: list = field(default_factory=list)
    done: list = field(default_factory=list)
    gradient: torch.Tensor = None
    value: float = None
    trains: bool = True
    moved: torch.Tensor = None  # by how much the weights fell, over the learning rate
    returned: object = None

    def __call__(self, net, x0, t, eps, schedule):
        self.given.append((net, *freeze((x0, t, eps)), schedule))
        self.trains = self.net.training
        seen = [torch.as_tensor(x, dtype=torch.float32) for x in (x0, t, eps)]
        target = torch.stack([part for x in seen for part in (x.mean(), x.square().mean())][:5])
        value = (self.net.weight - target.tanh()).square().sum()
        self.done.append("loss")
        if value.requires_grad:
            (self.gradient,) = torch.autograd.grad(value, self.net.weight, retain_graph=True)
            value.register_hook(lambda _: self.done.append("backward"))
        self.value = round(value.item(), 5)
        return value


def watched(training_step, images, schedule, steps, *batch):
    """Take several steps with plain SGD.  -> a Watch of each"""
    net, found = NoiseNet(), []
    net.weight = torch.nn.Parameter(torch.linspace(-1, 1, 5))
    optimizer = torch.optim.SGD([net.weight], lr=LR)
    optimizer.register_step_post_hook(lambda *_: found[-1].done.append("step"))
    for _ in range(steps):
        found.append(watch := Watch(net))
        before = net.weight.detach().clone()
        watch.returned = training_step(net, optimizer, images, schedule, watch, *batch)
        watch.trains = watch.trains and net.training
        watch.moved = (before - net.weight.detach()) / LR
    return found


def experiment(probe, training_step):
    images, schedule = probe.uniform(N, 2, 4, 5) * 2 - 1, Schedule(0.02 + 0.3 * probe.uniform(T))
    before, given = images.clone(), (training_step, images, schedule, STEPS, 6)
    with probe.advice(*HINTS):
        found = probe.run(CALL.format(", batch = 6"), watched, *given)
    note_calls(probe, found, (6, 2, 4, 5), schedule)
    x0, t, eps = (torch.stack(part) for part in list(zip(*(w.given[0] for w in found)))[1:4])
    note_drawn(probe, x0, t, eps, before)
    for i in range(2):
        note_learning(probe, found[i], found[:i], ["first", "second"][i])
    note_rest(probe, found, torch.equal(images, before))
    many = watched, training_step, probe.uniform(70, 1, 2, 3), schedule, 1
    size = len(probe.run(CALL.format(""), *many)[0].given[0][1])
    look = "Leave batch=64 in the def, and draw as many pictures as batch says."
    probe.note("pictures in a batch, if the caller does not say", size, look=look)
    net = NoiseNet()
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)
    probe.on_fake_device(training_step, net, optimizer, images, schedule, noise_loss_by_hand, 6)


def noise_loss_by_hand(net, x0, t, eps, schedule):
    """A loss that stops, as a reader's may, where t or eps is not on the device of x0."""
    for key, x in ("t", t), ("eps", eps):
        if x.device != x0.device:
            why = f"x0 is there, and your {key} is on the CPU."
            raise DeviceMismatch(why, "Make it with device=images.device.")
    a = schedule.alpha_bar_at(t).view(-1, 1, 1, 1)
    return F.mse_loss(net(a.sqrt() * x0 + (1 - a).sqrt() * eps, t), eps)


def note_calls(probe, found, shape, schedule):
    """Write down how often loss is called, and with what."""
    counts = sorted({len(watch.given) for watch in found})
    told = f"Your step calls loss {' or '.join(map(str, counts))} times."
    look = "Call the loss that is handed in, once in each step: loss(net, x0, t, eps, schedule)."
    probe.note("how often loss is called", counts, told, look, last=counts != [1])
    names, given = ("net", "x0", "t", "eps", "schedule"), found[0].given[0]
    net, x0, t, eps, kept = given
    fits = (
        net is found[0].net,
        is_tensor(x0) and x0.shape == shape,
        is_tensor(t) and t.dtype in (torch.int64, torch.int32) and t.shape == shape[:1],
        is_tensor(eps) and eps.shape == shape and eps.dtype == torch.float32,
        kept is schedule,
    )
    odd = [f"{name} = {describe(value)}" for name, value, f in zip(names, given, fits) if not f]
    look = (
        f"It takes loss(net, x0, t, eps, schedule): here x0 and eps have the shape {shape}, and t "
        f"holds {shape[0]} integers."
    )
    told = f"You call loss with {', '.join(odd)}."
    probe.note("what loss is called with", odd, told, look, last=bool(odd))


def note_drawn(probe, x0, t, eps, images):
    """Write down whether pictures, steps and noise are drawn at random, each by itself.

    (S, B, C, H, W), (S, B), (S, B, C, H, W), (N, C, H, W) of S training steps
    """
    same = (x0[:, :, None] == images).flatten(3).all(dim=3)  # (S, B, N)
    never = [i for i, seen in enumerate(same.flatten(0, 1).any(dim=0)) if not seen]
    alike = F.cosine_similarity(x0.flatten(), eps.flatten(), dim=0)
    for row in [
        ("other pictures", not same.any(dim=2).all(), "There are pictures in your x0 that aren't "
         "in images.", "Pick whole pictures, images[which], and leave them as they are."),
        ("never drawn", never, f"In {STEPS} steps, {len(never)} of {len(images)} images are never "
         "drawn.", "Draw indices from all of them, anew in each step."),
        ("one picture", bool((same == same[:, :1]).all()), "All pictures of your batch are the "
         "same.", "Draw `batch` numbers, not one: torch.randint(len(images), (batch,))."),
        *about_steps(t),
        ("same noise", torch.equal(eps[0], eps[1]), "Your noise is the same in every step.",
         "Draw it anew in each: torch.randn_like(x0)."),
        ("x0 in eps", bool(alike.abs() > 0.1), "There is a part of x0 in your eps.",
         "eps is noise alone; loss mixes it with x0 by itself."),
    ]:  # fmt: skip
        probe.note(*row)
    note_noise(probe, eps.flatten(0, 1))


def about_steps(t):
    drawn = {*t.flatten().tolist()}
    outside, missing = sorted(drawn - {*range(T)}), sorted({*range(T)} - drawn)
    return [
        ("steps outside", outside, f"Your t is {outside[:3]} at times.",
         f"With T = {T} the steps are 0 to {T - 1}, which {DRAW} draws."),
        ("one t", bool((t == t[:, :1]).all()), "All pictures of a batch get the same t.",
         f"Draw one for each picture: {DRAW}."),
        ("steps missing", missing, f"In {STEPS} training steps, t is never one of {missing}.",
         f"The network must learn all steps from 0 to {T - 1}: {DRAW}, anew in each call."),
    ]  # fmt: skip


def note_learning(probe, watch, before, which):
    """Write down what is done in a step, and how far the weights move."""
    look = "It should be value = loss(...), value.backward(), optimizer.step(), each once."
    told = f"Your {which} step does this, in this order: {', '.join(watch.done)}."
    probe.note(f"the order in the {which} step", watch.done, told, look)
    told = "Your step leaves the weights alone."
    probe.note("the weights move", bool(watch.moved.any()), told, last=watch.done != ORDER)
    shares, rest = mixture([w.gradient for w in [watch, *before]], watch.moved)
    shares = [round(share, 2) for share in shares]
    told = f"Your {which} step moves the weights by {shares[0]:g} times the gradient of its loss"
    told += f", and {shares[1]:g} times that of the step before." if before else "."
    look = "optimizer.step() should take the gradient as backward left it, without a factor."
    if any(shares[1:]):
        look = "PyTorch adds gradients up until optimizer.zero_grad() clears them."
    probe.note(f"what moves the weights in the {which} step", [shares, rest], told, look)


def note_rest(probe, found, unchanged):
    """Write down what is returned, and what should be as it was."""
    returned, came = found[0].returned, as_float(found[0].returned)
    kind = "a number" if isinstance(came, float) else describe(returned)
    wrong = (difference(watch.value, as_float(watch.returned)) for watch in found)
    how = next(filter(None, wrong), "")
    told = f"Your step returns something else than its loss: {how}."
    look = "Return the number that loss gave, as a float: value.item()."
    probe.note("the loss that is returned", kind if how else True, told, look)
    for what, seen, told, look in [
        ("a graph", is_tensor(returned) and returned.requires_grad, "You return the loss as a "
         "tensor that still holds its graph.", "Return the plain number: value.item()."),
        ("eval mode", not all(watch.trains for watch in found), "Your step puts the network into "
         "eval mode.", "BatchNorm doesn't learn there. Leave the mode, or call net.train()."),
        ("images changed", not unchanged, "Your step writes into images.",
         "They're needed again in the next step. Leave the pictures as they are."),
    ]:  # fmt: skip
        probe.note(what, seen, told, look, aside=True)


MISTAKES = """
# gradients never cleared
- optimizer.zero_grad()
+
The gradients of the step before are still there, and backward adds to them. Clear them with
optimizer.zero_grad(), with its brackets, before value.backward().
# gradients cleared before the step
+
- value.backward()
+ value.backward()
+ optimizer.zero_grad()
You clear the gradients between backward and step, so the optimizer has nothing to go by. Call
zero_grad before backward.
# step before backward
+
- value.backward()
+ optimizer.zero_grad()
- optimizer.step()
+ optimizer.step()
+ value.backward()
The optimizer steps before backward has computed the gradients, so it goes by none or by old ones.
The order is backward, then step.
# weights changed without the optimizer
+ optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
The weights aren't changed by the optimizer that is handed in. It has the caller's settings, and
Adam keeps averages from step to step, so call its step(), and neither make another nor change p.
# no step
- optimizer.step()
+
You compute the gradients and never use them. optimizer.step(), with its brackets, changes the
weights.
# no backward
- value.backward()
+
Nothing computes the gradients, so the optimizer leaves the weights alone. Call value.backward(),
with its brackets, before optimizer.step().
# no gradients recorded
- value = loss(net, x0, t, eps, schedule)
+ with torch.no_grad():
+     value = loss(net, x0, t, eps, schedule)
You compute the loss under no_grad, so backward has no graph to go through. no_grad is for drawing
pictures; take it out here.
# a loss of its own
+ value = noise_loss(net, x0, t, eps, schedule)
You never call the loss that is handed in. With it, the same step trains a network for the noise or
for v: loss(net, x0, t, eps, schedule).
# t from 1 to T
- torch.randint(schedule.T, (batch,), device=images.device)
+ torch.randint(1, schedule.T + 1, (batch,), device=images.device)
Your t runs from 1 to T, as in the paper. Here steps count from 0, and T itself is outside of
alpha_bar: torch.randint(schedule.T, (batch,)).
# as many steps as images
+ torch.randint(len(images), (batch,), device=images.device)
Your t is drawn below len(images). Steps have nothing to do with the number of images; there are T
of them: torch.randint(schedule.T, (batch,)).
"""


def step_shuffled(net, optimizer, images, schedule, loss, batch=64):
    net.train()
    optimizer.zero_grad(set_to_none=False)
    x0 = images[torch.randperm(len(images))[:batch]]
    t = (torch.rand(len(x0), device=x0.device) * schedule.T).long()
    error = loss(net, x0, t, torch.randn(x0.shape, device=x0.device), schedule)
    error.backward()
    optimizer.step()
    return error.detach()


def step_by_loader(net, optimizer, images, schedule, loss, batch=64):
    x0 = next(iter(DataLoader(images, batch_size=batch, shuffle=True)))
    steps = torch.empty(batch, dtype=torch.int64, device=x0.device).random_(0, schedule.T)
    noise = torch.empty_like(x0).normal_()
    value = loss(net=net, x0=x0, t=steps, eps=noise, schedule=schedule)
    for p in net.parameters():
        p.grad = None
    value.backward()
    optimizer.step()
    return float(value)


def step_picture_by_picture(net, optimizer, images, schedule, loss, batch=64):
    rows = [(random.choice(images), random.randrange(schedule.T)) for _ in range(batch)]
    x0 = torch.stack([picture for picture, _ in rows])
    t = torch.tensor([step for _, step in rows], device=images.device)
    eps = torch.stack([torch.randn_like(picture) for picture in x0])
    value = loss(net, x0, t, eps, schedule)
    value.backward()
    optimizer.step()
    optimizer.zero_grad()  # for the next one
    return value.cpu().detach().numpy()


def step_by_closure(net, optimizer, images, schedule, loss, batch=64):
    which = random.sample(range(len(images)), batch)
    t = torch.randint(0, schedule.T, (batch,), dtype=torch.int32, device=images.device)
    eps = torch.normal(0.0, 1.0, images[which].shape, device=images.device)

    def closure():
        optimizer.zero_grad()
        value = loss(net, images[which], t, eps, schedule)
        value.backward()
        return value

    return optimizer.step(closure).item()


REFERENCE = training_step
LOOK = (
    "Draw x0, t and eps and compute the loss, then call zero_grad, backward and step, and "
    "return the loss as a number."
)
ALSO_RIGHT = [step_shuffled, step_by_loader, step_picture_by_picture, step_by_closure]
