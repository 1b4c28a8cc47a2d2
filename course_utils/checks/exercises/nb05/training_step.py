"""5.6 A training step."""

import random
from dataclasses import dataclass, field

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader

from course_utils.checks.exercises.nb05.sampling import mixture
from course_utils.checks.exercises.nb06.noisy_batch import note_noise
from course_utils.checks.exercises.test_doubles import NoiseNet, as_float
from course_utils.checks.parts import Exercise, Stop, describe, edits, freeze, is_tensor
from course_utils.diffusion import training_step
from course_utils.schedule import Schedule

CALL = "training_step(net, optimizer, images, schedule, loss{})"
LR, STEPS = 0.1, 30
HINTS = [
    ("does not require grad", "backward", "The loss must be computed with gradients: leave out "
     "no_grad, .detach() and .item() before backward()."),
    ("'float' object has no attribute 'backward'", "", "Call backward() on what loss returns, and "
     "take .item() of it at the end."),
    (r"Watch.__call__\(\)", "", "Five things go into loss: loss(net, x0, t, eps, schedule)."),
    ("already been called|backward through the graph", "", "Call backward() once in each step."),
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
        self.value = value.item()
        return value


def watched(training_step, images, schedule, steps, *batch):
    """Take several steps with plain SGD.  -> a Watch of each"""
    net = NoiseNet()
    net.weight = torch.nn.Parameter(torch.linspace(-1, 1, 5))
    optimizer, found = torch.optim.SGD([net.weight], lr=LR), []
    optimizer.register_step_post_hook(lambda *_: found[-1].done.append("step"))
    for _ in range(steps):
        found.append(Watch(net))
        before = net.weight.detach().clone()
        returned = training_step(net, optimizer, images, schedule, found[-1], *batch)
        watch = found[-1]
        watch.trains = watch.trains and net.training
        watch.moved, watch.returned = (before - net.weight.detach()) / LR, returned
    return found


def step_experiment(probe, training_step):
    images, schedule = probe.uniform(9, 2, 4, 5) * 2 - 1, Schedule(0.02 + 0.3 * probe.uniform(10))
    before = images.clone()
    with probe.advice(*HINTS):
        found = probe.run(
            CALL.format(", batch = 6"), watched, training_step, images, schedule, STEPS, 6
        )
    note_calls(probe, found, (6, *images.shape[1:]), schedule)
    _, x0, t, eps, _ = (list(part) for part in zip(*(watch.given[0] for watch in found)))
    note_pictures(probe, x0, before)
    note_steps(probe, t, schedule.T)
    probe.note(
        "the same noise in two steps", torch.equal(eps[0], eps[1]),
        "Your noise is the same in every step.", "Draw it anew in each: torch.randn_like(x0).",
    )  # fmt: skip
    note_noise(probe, torch.cat(eps))
    alike = F.cosine_similarity(torch.cat(x0).flatten(), torch.cat(eps).flatten(), dim=0)
    probe.note(
        "pictures in the noise", bool(alike.abs() > 0.1), "There is a part of x0 in your eps.",
        "eps is noise alone; loss mixes it with x0 by itself.",
    )  # fmt: skip
    for number, (watch, last) in enumerate(zip(found[:2], [None, *found]), 1):
        note_learning(probe, watch, last, "first" if number == 1 else "second")
    note_rest(probe, found, torch.equal(images, before))
    many = probe.run(
        CALL.format(""), watched, training_step, probe.uniform(70, 1, 2, 3), schedule, 1
    )
    probe.note(
        "pictures in a batch", len(many[0].given[0][1]), "",
        "batch is 64 unless the caller says otherwise: leave batch=64 in the def, and use batch.",
    )  # fmt: skip
    net = NoiseNet()
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)
    probe.on_fake_device(training_step, net, optimizer, images, schedule, noise_loss_by_hand, 6)


def noise_loss_by_hand(net, x0, t, eps, schedule):
    """A loss that stops, as a reader's may, where t or eps is not on the device of x0."""
    a = schedule.alpha_bar_at(t).view(-1, 1, 1, 1)
    return F.mse_loss(net(a.sqrt() * x0 + (1 - a).sqrt() * eps, t), eps)


def note_calls(probe, found, shape, schedule):
    """Write down how often loss is called, and with what."""
    counts = sorted({len(watch.given) for watch in found})
    probe.note(
        "how often loss is called", counts,
        f"Your step calls loss {' or '.join(map(str, counts))} times.",
        "Call the loss that is handed in, once in each step: loss(net, x0, t, eps, schedule).",
    )  # fmt: skip
    if counts != [1]:
        raise Stop
    net, x0, t, eps, kept = found[0].given[0]
    whole = is_tensor(t) and t.dtype in (torch.int64, torch.int32)
    right = {
        "net": net is found[0].net,
        "x0": is_tensor(x0) and x0.shape == shape,
        "t": whole and t.shape == shape[:1],
        "eps": is_tensor(eps) and eps.shape == shape and eps.dtype == torch.float32,
        "schedule": kept is schedule,
    }
    odd = [
        f"{key} = {describe(v)}"
        for v, (key, fits) in zip(found[0].given[0], right.items())
        if not fits
    ]
    probe.note(
        "what loss is called with", odd, f"You call loss with {', '.join(odd)}.",
        f"It takes loss(net, x0, t, eps, schedule): here x0 and eps have the shape {shape}, and t "
        f"holds {shape[0]} integers.",
    )  # fmt: skip
    if odd:
        raise Stop


def note_pictures(probe, x0, images):
    """Write down whether the pictures are drawn at random from the images."""
    same = [(batch[:, None] == images).flatten(2).all(dim=2) for batch in x0]  # (B, N) each
    probe.note(
        "pictures that are not of images", not all(rows.any(dim=1).all() for rows in same),
        "There are pictures in your x0 that aren't in images.",
        "Pick whole pictures, images[which], and leave them as they are: loss adds the noise.",
    )  # fmt: skip
    probe.note(
        "one picture for the whole batch", all(rows.any(dim=0).sum() == 1 for rows in same),
        "All pictures of your batch are the same.",
        "Draw as many numbers as there are pictures: torch.randint(len(images), (batch,)).",
    )  # fmt: skip
    missing = [i for i, seen in enumerate(torch.stack(same).any(dim=1).any(dim=0)) if not seen]
    probe.note(
        "pictures that are never drawn", missing,
        f"In {STEPS} steps, {len(missing)} of {len(images)} images are never drawn.",
        "Draw from all of them, anew in each step: images[torch.randint(len(images), (batch,))].",
    )  # fmt: skip


def note_steps(probe, t, T):
    """Write down whether t is drawn at random from all steps, for each picture."""
    drawn, look = {int(s) for batch in t for s in batch}, "torch.randint(schedule.T, (batch,))"
    outside = sorted(drawn - {*range(T)})
    probe.note(
        "steps outside of the schedule", outside, f"Your t is {outside[:3]} at times.",
        f"With T = {T} the steps are 0 to {T - 1}, which {look} draws.",
    )  # fmt: skip
    probe.note(
        "one step for the whole batch", all(len(batch.unique()) == 1 for batch in t),
        "All pictures of a batch get the same t.", f"Draw one for each picture: {look}.",
    )  # fmt: skip
    missing = sorted({*range(T)} - drawn)
    probe.note(
        "steps that are never drawn", missing,
        f"In {STEPS} training steps, t is never {', '.join(map(str, missing))}.",
        f"The network must learn all steps from 0 to {T - 1}: {look}, anew in each training step.",
    )  # fmt: skip


def note_learning(probe, watch, last, which):
    """Write down what is done in a step, and how far the weights move."""
    done, moves = watch.done, bool(watch.moved.any())
    probe.note(
        f"the order in the {which} step", done,
        f"Your {which} step does this, in this order: {', '.join(done)}.",
        "It should be loss, backward and step, each once: value = loss(...), value.backward(), "
        "optimizer.step().",
    )  # fmt: skip
    probe.note(
        f"the weights move in the {which} step", moves, "Your step leaves the weights alone."
    )
    if done != ["loss", "backward", "step"]:
        raise Stop
    parts = [watch.gradient] if last is None else [watch.gradient, last.gradient]
    shares, rest = mixture(parts, watch.moved)
    shares = [round(share, 2) for share in shares]
    probe.note(
        f"what moves the weights in the {which} step", [shares, rest],
        f"Your {which} step moves the weights by {shares[0]:g} times the gradient of its loss"
        + (f" and {shares[1]:g} times that of the step before." if last else "."),
        "Only the gradient of this step counts. PyTorch adds gradients up until "
        "optimizer.zero_grad() clears them." if any(shares[1:]) else "optimizer.step() should take "
        "it as backward left it, without another factor.",
    )  # fmt: skip


def note_rest(probe, found, unchanged):
    """Write down what is returned, and what should be as it was."""
    watch, came = found[0], as_float(found[0].returned)
    right = isinstance(came, float) and abs(came - watch.value) < 1e-4
    probe.note(
        "the loss that is returned", "" if right else "a number" if isinstance(came, float) else
        describe(watch.returned),
        f"You return {describe(came)}, and the loss of this step was {watch.value:.4g}.",
        "Return the number that loss gave, as a float: value.item().",
    )  # fmt: skip
    probe.note(
        "a graph is returned", is_tensor(watch.returned) and watch.returned.requires_grad,
        "You return the loss as a tensor that still holds its graph. A list of such losses keeps "
        "the memory of every step.", "Return the plain number: value.item().", aside=True,
    )  # fmt: skip
    probe.note(
        "eval mode", not all(watch.trains for watch in found),
        "The network was in train mode, and your step puts it into eval mode.",
        "BatchNorm doesn't learn its running averages there. Leave the mode alone, or call "
        "net.train().", aside=True,
    )  # fmt: skip
    probe.note(
        "images changed", not unchanged, "Your step writes into images.",
        "They're needed again in the next step. Leave the pictures as they are.", aside=True,
    )  # fmt: skip


MISTAKES = """
# gradients never cleared
- optimizer.zero_grad()
+
The gradients of the step before are still there, and backward adds to them. Clear them with
optimizer.zero_grad() before value.backward().
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
or
+
- value.backward()
- optimizer.step()
+ optimizer.step()
+ optimizer.zero_grad()
+ value.backward()
The optimizer steps before backward has computed the gradients, so it goes by none or by old ones.
The order is backward, then step.
# no step
- optimizer.step()
+
You compute the gradients and never use them. optimizer.step() changes the weights.
# two steps
+ optimizer.step()
+ optimizer.step()
The optimizer takes two steps with one gradient. Call optimizer.step() once.
# no backward
- value.backward()
+
Nothing computes the gradients, so the optimizer leaves the weights alone. Call value.backward()
before optimizer.step().
# no gradients recorded
- value = loss(net, x0, t, eps, schedule)
+ with torch.no_grad():
+     value = loss(net, x0, t, eps, schedule)
You compute the loss under no_grad, so backward has no graph to go through. no_grad is for drawing
pictures; take it out here.
# new optimizer in each step
- optimizer.zero_grad()
+ optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
or
- optimizer.zero_grad()
+ optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
You make an optimizer of your own in each step. It forgets the averages that Adam keeps, and the
caller's settings too: use the optimizer that is handed in.
# a loss of its own
- value = loss(net, x0, t, eps, schedule)
+ value = noise_loss(net, x0, t, eps, schedule)
You never call the loss that is handed in. With it, the same step trains a network for the noise or
for v: loss(net, x0, t, eps, schedule).
# one t for the whole batch
- torch.randint(schedule.T, (batch,), device=images.device)
+ torch.randint(schedule.T, (1,), device=images.device).expand(batch)
All pictures of your batch get the same t, so each step learns about one noise level only. Draw one
for each: torch.randint(schedule.T, (batch,)).
# t without a batch axis
+ torch.randint(schedule.T, (1,), device=images.device)
or
+ torch.randint(schedule.T, (), device=images.device)
or
+ random.randrange(schedule.T)
Your t is one number, but each picture needs its own. torch.randint(schedule.T, (batch,)) draws
`batch` of them.
# t from 1 to T
+ torch.randint(1, schedule.T + 1, (batch,), device=images.device)
Your t runs from 1 to T, as in the paper. Here steps count from 0, and T itself is outside of
alpha_bar: torch.randint(schedule.T, (batch,)).
# t never 0
+ torch.randint(1, schedule.T, (batch,), device=images.device)
Your t is never 0, so the network never learns the last step of sampling. Draw from 0 to T - 1:
torch.randint(schedule.T, (batch,)).
# t never T - 1
+ torch.randint(schedule.T - 1, (batch,), device=images.device)
Your t is never T - 1, where sampling begins. randint already leaves out its upper end: hand it
schedule.T.
# only little noise
+ torch.randint(schedule.T // 2, (batch,), device=images.device)
or
+ torch.arange(batch, device=images.device)
The larger steps never come up in your t, so the network never learns to find pictures in strong
noise. Draw from all: torch.randint(schedule.T, (batch,)).
# t as a share of T
+ torch.rand(batch, device=images.device)
or
+ torch.rand(batch, device=images.device) * schedule.T
Your t is a float. Steps are whole numbers, with which alpha_bar is indexed: torch.randint draws
integers.
# same noise for all pictures
- torch.randn_like(x0)
+ torch.randn_like(x0[:1]).expand_as(x0)
All pictures of your batch get the same noise. torch.randn_like(x0) draws it for each.
# same noise in every step
+ torch.randn(x0.shape, generator=torch.Generator().manual_seed(0)).to(x0)
Your noise is the same in every step, so the network can memorise it. Draw it anew:
torch.randn_like(x0).
# uniform noise
+ torch.rand_like(x0)
Your noise is uniform, between 0 and 1. It must be normally distributed, as
torch.randn_like draws it, with an n.
# noisy pictures handed on
- value = loss(net, x0, t, eps, schedule)
+ value = loss(net, x0 + eps, t, eps, schedule)
You add the noise before loss does, and by the wrong amount. Hand on the clean pictures x0: loss
mixes in as much noise as belongs to t.
# arguments of loss in another order
+ value = loss(net, x0, eps, t, schedule)
eps and t are swapped in your call. The order is loss(net, x0, t, eps, schedule).
# same pictures every time
- images[torch.randint(len(images), (batch,))]
+ images[:batch]
You train with the first pictures of images in every step, so the rest are never seen. Draw indices
at random: torch.randint(len(images), (batch,)).
# one picture repeated
+ images[torch.randint(len(images), (1,))].expand(batch, *images.shape[1:])
All pictures of your batch are the same one. Draw `batch` indices, not one.
# batch not used
+ images[torch.randint(len(images), (64,))]
- torch.randint(schedule.T, (batch,), device=images.device)
+ torch.randint(schedule.T, (64,), device=images.device)
Your batch has 64 pictures whatever the caller asks for. Write batch in place of 64.
# all pictures
+ images
You take all images in every step. A step uses `batch` of them, drawn at random, so that many steps
fit into the time of one.
# returns the graph
- return value.item()
+ return value
You return the loss as a tensor that still holds its graph. A list of such losses would keep the
memory of every step: return value.item().
# returns nothing
+ return None
Your step returns nothing. Its caller wants to watch the loss fall: return value.item().
# eval mode
- value = loss(net, x0, t, eps, schedule)
+ value = loss(net.eval(), x0, t, eps, schedule)
You put the network into eval mode, where BatchNorm doesn't learn its running averages. Leave the
mode alone, or call net.train().
# t on the CPU
- (batch,), device=images.device)
+ (batch,))
This works on a CPU and stops on a GPU, because the images are there and your t isn't. Draw it with
device=images.device.
# noise on the CPU
- torch.randn_like(x0)
+ torch.randn(x0.shape)
This works on a CPU and stops on a GPU, because x0 is there and your noise isn't. randn_like(x0)
draws it where x0 is.
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


EXERCISE = Exercise(
    id="5.6",
    title="A training step",
    reference=training_step,
    experiment=step_experiment,
    look="Draw x0, t and eps and compute the loss, then call zero_grad, backward and step, and "
    "return the loss as a number.",
    catalogue=edits(training_step, MISTAKES),
    also_right=[step_shuffled, step_by_loader, step_picture_by_picture, step_by_closure],
)
