"""Ways to join a skip wrongly, for every network that joins one with cat."""

JOINS = """
# skip first
- [UP, skip]
+ [skip, UP]
or
- skip], dim=1)
+ skip][::-1], dim=1)
cat has the skip first. The map from below goes first, and the skip behind it.

# joined along another axis
- dim=1)
+ dim=0)
or
- dim=1)
+ dim=2)
or
- dim=1)
+ dim=3)
The two are joined along another axis than the channels. 0 is the batch (and what cat takes unless
told otherwise), 2 the rows, 3 the columns; the channels are dim=1.

# stacked
- torch.cat
+ torch.stack
torch.stack makes a fifth axis. torch.cat joins the two along an axis that they have.

# not in a list
- torch.cat([UP, skip], dim=1)
+ torch.cat(UP, skip, dim=1)
torch.cat takes what it joins as one list or tuple: torch.cat([a, b], dim=1).

# skip added, or not joined
- torch.cat([UP, skip], dim=1)
+ UP + skip
The layer after the join is made for the channels of both maps, and gets those of one. Either the
skip is added or left out, or what was joined isn't what goes on.

# skip added
- WIDE
+ NARROW
- torch.cat([UP, skip], dim=1)
+ UP + skip
The skip is added, and the next layer takes half the channels. That runs, but it's another network,
which can no longer tell what comes up from what comes across: keep cat.

# skip not used
- WIDE
+ NARROW
- torch.cat([UP, skip], dim=1)
+ UP
The skip isn't used, and the next layer takes half the channels. That runs, but the picture's
details, which only the skip has, are lost: join the two with cat.
"""


def joins(up, wide):
    """The catalogue for a network in which `up` is joined, for a layer made with `wide`.  -> str"""
    narrow = wide.replace("2 * ", "")
    return JOINS.replace("UP", up).replace("WIDE", wide).replace("NARROW", narrow)
