"""1.3 How alike are two times?"""

import torch
from torch.nn import functional as F


def similarity(emb):
    """Return the cosine of the angle between every two vectors.

    (N, D) -> (N, N)

    Entry [i, j] is the dot product of vectors i and j, divided by both their lengths.
    """
    unit = emb / emb.norm(dim=1, keepdim=True)
    return unit @ unit.T


def experiment(probe, similarity):
    for N, D in [(5, 3), (4, 8), (7, 7)]:
        probe.call(similarity, probe.normal(N, D))


MISTAKES = """
# not divided by the lengths
- emb / emb.norm(dim=1, keepdim=True)
+ emb
These are dot products, not yet cosines. Divide every vector by its length first.
# lengths of the columns
+ emb / emb.norm(dim=0, keepdim=True)
You divide by the lengths of the columns. A vector is a row here, so take its length over dim=1.
# divided by the squared length
+ emb / emb.norm(dim=1, keepdim=True) ** 2
You divide each vector by its squared length. The length is the square root of the sum of squares.
# one length for all
+ emb / emb.norm()
You divide all vectors by one common length. Each has its own: emb.norm(dim=1, keepdim=True).
# keepdim forgotten
+ emb / emb.norm(dim=1)
N numbers meet the D columns, because PyTorch lines up the last axes. If they are lengths, use
keepdim=True, which makes them (N, 1), one for each row. (And a matrix product is @, not *.)
# mean subtracted
+ F.normalize(emb - emb.mean(dim=1, keepdim=True))
You subtract each row's mean first, as torch.corrcoef does. A cosine takes the vectors as they are.
# columns compared instead of rows
- return unit @ unit.T
+ return unit.T @ unit
You compare the D columns with one another. The vectors are the N rows: unit @ unit.T.
# not transposed
+ return unit @ unit
A matrix product takes rows of the first factor, columns of the second. Transpose the second: .T.
# each vector with itself only
+ return (unit * unit).sum(dim=1)
You compare each vector only with itself. unit @ unit.T compares every i with every j.
# divided by one length only
+ return unit @ emb.T
| return emb @ unit.T
Entry [i, j] is divided by the length of only one of its vectors. Divide by both lengths.
# without the sign
+ return (unit @ unit.T).abs()
You take the absolute value. A cosine is negative where two vectors point apart.
# one minus the cosine
+ return 1 - unit @ unit.T
You return 1 minus the cosine, a distance. Here two equal vectors should give 1.
# distances instead of cosines
+ return torch.cdist(emb, emb)
These are distances between the vectors: 0 on the diagonal. A cosine is 1 there.
# divided by one length twice
+ return emb @ emb.T / emb.norm(dim=1, keepdim=True) ** 2
Entry [i, j] is divided by the length of one vector twice. Divide by the length of i and that of j.
"""


def by_normalize(emb):
    unit = F.normalize(emb, dim=-1)
    return torch.einsum("id,jd->ij", unit, unit)


def by_function(emb):
    return F.cosine_similarity(emb[:, None], emb[None], dim=2)


def by_division(emb):
    length = emb.pow(2).sum(1).sqrt()
    return emb.mm(emb.t()) / torch.outer(length, length)


def pair_by_pair(emb):
    table = torch.zeros(len(emb), len(emb))
    for i, a in enumerate(emb):
        for j, b in enumerate(emb):
            table[i, j] = torch.dot(a, b) / (torch.linalg.norm(a) * torch.linalg.norm(b))
    return table


REFERENCE = similarity
LOOK = "Check a few entries: [0, 1] is the cosine between rows 0 and 1, and the diagonal is 1."
ALSO_RIGHT = [by_normalize, by_function, by_division, pair_by_pair]
