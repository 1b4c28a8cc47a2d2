"""Loading weights that were saved by the packages whose networks are rebuilt here."""

import torch


def load_published(net, published, published_name):
    """Copy the weights of a published network into ours, or refuse and change nothing.

    DDPMUNet, state_dict -> DDPMUNet

    published is the original's state_dict; published_name(name) gives its name for one of ours.
    A buffer, such as a table of sinusoids, comes from a formula and may be left out. Raises
    ValueError that lists what is missing, unknown or of another shape, in the original's names.
    """
    if not isinstance(published, dict) or not all(map(torch.is_tensor, published.values())):
        raise ValueError(
            "load_published takes a state_dict: a dict of names and tensors; a checkpoint often "
            f"holds it under one of its keys. Got {described(published)}"
        )
    own = net.state_dict()
    names = {published_name(name): name for name in own}
    formulas = {published_name(name) for name, _ in net.named_buffers()}
    there = [name for name in names if name in published]
    problems = {
        "missing": [name for name in names if name not in published and name not in formulas],
        "unknown": [name for name in published if name not in names],
        "of another shape": [
            f"{name} {tuple(published[name].shape)}, expected {tuple(own[names[name]].shape)}"
            for name in there
            if published[name].shape != own[names[name]].shape
        ],
    }
    if any(problems.values()):
        found = "; ".join(f"{what}: {listed(which)}" for what, which in problems.items() if which)
        raise ValueError(f"these weights are for another network. {found}. Nothing was loaded")
    net.load_state_dict(own | {names[theirs]: published[theirs] for theirs in there})
    return net


def described(published):
    if isinstance(published, dict):
        return f"a dict with the keys {listed([str(key) for key in published]) or 'none'}"
    return type(published).__name__


def listed(names, most=8):
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
