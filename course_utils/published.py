"""Loading weights that were saved by the packages whose networks are rebuilt here."""

import torch


def load_published(net, published, published_name):
    """Copy the weights of a published network into ours, or refuse and change nothing.

    DDPMUNet, state_dict -> DDPMUNet

    published is the original's state_dict; published_name(name) gives its name for one of ours.
    A buffer, such as a table of sinusoids, comes from a formula and may be left out. Raises
    ValueError that lists what is missing, unknown or of another shape, in the original's names.
    """
    check_state_dict(published)
    own = net.state_dict()
    ours = {published_name(name): name for name in own}  # by their names
    formulas = {published_name(name) for name, _ in net.named_buffers()}
    problems = {
        "missing": [name for name in ours if name not in published and name not in formulas],
        "unknown": [name for name in published if name not in ours],
        "of another shape": [
            f"{name} {tuple(value.shape)}, expected {tuple(own[ours[name]].shape)}"
            for name, value in published.items()
            if name in ours and value.shape != own[ours[name]].shape
        ],
    }
    if any(problems.values()):
        found = "; ".join(f"{what}: {listed(names)}" for what, names in problems.items() if names)
        raise ValueError(f"these weights are for another network. {found}. Nothing was loaded")
    net.load_state_dict(own | {ours[name]: value for name, value in published.items()})
    return net


def check_state_dict(published):
    if not isinstance(published, dict) or not all(map(torch.is_tensor, published.values())):
        raise ValueError(
            "load_published takes a state_dict: a dict of names and tensors; a checkpoint often "
            f"holds it under one of its keys. Got {described(published)}"
        )


def described(published):
    if isinstance(published, dict):
        return f"a dict with the keys {listed([str(key) for key in published]) or 'none'}"
    return type(published).__name__


def listed(names, most=8):
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
