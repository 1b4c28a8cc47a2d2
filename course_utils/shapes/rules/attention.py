"""Attention, PyTorch's own."""

from torch import nn

from course_utils.shapes.calls import batch_of, given, places_are_on_axis_1
from course_utils.shapes.rules.reshapes import begins_with_batch
from course_utils.shapes.run import Seen, leaves
from course_utils.shapes.words import plural, shapes


def products_of_attention(run, call, place):
    """scaled_dot_product_attention(q, k, v): (..., N, D), (..., M, D), (..., M, E)."""
    q, k, v = given(call)[:3]
    told = f"{place}: attention of {shapes((q, k, v))}"
    if q.shape[-1] != k.shape[-1]:
        return f"{told}: queries have {q.shape[-1]} numbers on the last axis, keys {k.shape[-1]}."
    if k.shape[-2] != v.shape[-2]:
        return f"{told}: {k.shape[-2]} keys need as many values, not {v.shape[-2]}."
    for axis in range(-3, -max(len(q.shape), len(k.shape)) - 1, -1):
        sizes = [s.shape[axis] for s in (q, k, v) if len(s.shape) >= -axis]
        if len(set(sizes)) > 1:
            which = "heads" if axis == -3 and len(q.shape) == 4 else f"on axis {axis}"
            if axis == -len(q.shape) and max(sizes) % min(sizes) == 0:
                which += ", the batch,"
                tip = f" Repeat the smaller {max(sizes) // min(sizes)} times, repeat_interleave."
            else:
                tip = ""
            both = " and ".join(map(str, dict.fromkeys(sizes)))
            return f"{told}: {both} {which} do not fit.{tip}"
    masks = given(call)[3:]
    if masks and masks[0].shape[-2:] != (q.shape[-2], k.shape[-2]):
        return (
            f"{told} with a mask {masks[0].shape}: it needs {q.shape[-2]} rows, one for each "
            f"query, and {k.shape[-2]} columns, one for each key."
        )
    return None


def keys_without_values(run):
    """PyTorch's fast ways of attention take fewer values than keys, and read on in memory."""
    for call in run.calls:
        if call.op == "scaled_dot_product_attention" and isinstance(call.returned, Seen):
            k, v = given(call)[1:3]
            if k.shape[-2] != v.shape[-2]:
                yield f"{products_of_attention(run, call, call.place)} PyTorch did not refuse it."


def multihead(run, call, place):
    """nn.MultiheadAttention, by what it was given itself."""
    step, layer, args = run.open[-1]
    seen = [*step.given, *step.keywords.values()]
    seen = [s for s in seen if isinstance(s, Seen)][:3]
    if not isinstance(layer, nn.MultiheadAttention) or len(seen) < 2:
        return None
    q, k = seen[0], seen[1]
    for what, s, size in (("query", q, layer.embed_dim), ("key", k, layer.kdim)):
        if s.shape[-1:] != (size,):
            sentence = f"{place} expects a {what} (..., {size}) and gets {s.shape}"
            if size in s.shape[1:]:
                axis = s.shape.index(size, 1)
                return f"{sentence}: the {size} are on axis {axis}. Move that axis to the end."
            return f"{sentence}."
    if {len(q.shape), len(k.shape)} not in ({2}, {3}):
        return f"{place} takes tokens (B, N, {layer.embed_dim}) and gets {shapes(seen)}."
    if len(q.shape) == 3 and not layer.batch_first and q.shape[1] != k.shape[1]:
        return (
            f"{place} was made without batch_first=True, so it takes {q.shape} for "
            f"{tokens_of_pictures(q)}; its key and value, {k.shape}, have {k.shape[1]}."
        )
    if len(q.shape) == 3 and layer.batch_first and q.shape[0] != k.shape[0]:
        return f"{place}: {q.shape} are {q.shape[0]} pictures, the key {k.shape} has {k.shape[0]}."
    if len(seen) > 2 and k.shape[:-1] != seen[2].shape[:-1]:
        return f"{place}: key {k.shape} and value {seen[2].shape} need as many tokens."
    return masks(place, layer, step, q, k)


def tokens_of_pictures(seen):
    """Read (N, B, C) as a layer without batch_first does.  -> str"""
    return f"{plural(seen.shape[0], 'token')} of {plural(seen.shape[1], 'picture')}"


def masks(place, layer, step, q, k):
    """key_padding_mask is (B, M), attn_mask (N, M): queries first, then keys."""
    first = layer.batch_first
    batch, queries, keys = q.shape[not first], q.shape[first], k.shape[first]
    given_masks = dict(
        zip(("query", "key", "value", "key_padding_mask", "", "attn_mask"), step.given)
    )
    given_masks.update(step.keywords)
    mask = given_masks.get("key_padding_mask")
    how = "" if first else ", without batch_first=True"
    if isinstance(mask, Seen) and mask.shape != (batch, keys):
        turned = ": transpose it" if mask.shape == (keys, batch) else ""
        return (
            f"{place}: key_padding_mask is {mask.shape}, and {batch} pictures of {keys} keys"
            f"{how} need ({batch}, {keys}){turned}."
        )
    mask = given_masks.get("attn_mask")
    if isinstance(mask, Seen) and mask.shape[-2:] != (queries, keys):
        of_batch = mask.shape[-2:] == (batch, batch)
        why = f", one for each of the {batch} of the batch" if of_batch else ""
        turned = " Was x turned to (N, B, C)? batch_first=True takes (B, N, C)." * first
        return (
            f"{place}: the mask is {mask.shape}{why}; {queries} queries and {keys} keys{how} need "
            f"({queries}, {keys}).{turned * of_batch}"
        )
    heads = layer.num_heads
    if isinstance(mask, Seen) and len(mask.shape) == 3 and mask.shape[0] != batch * heads:
        return (
            f"{place}: the mask is {mask.shape}; with {heads} heads one of three axes is (B * "
            f"heads, N, M), ({batch * heads}, {queries}, {keys}): repeat_interleave({heads}, 0)."
        )
    return None


def over_the_batch(run):
    """Attention without batch_first that is given (B, N, C): pictures look at each other."""
    batch, maps = batch_of(run), any(len(s.shape) > 3 for s in leaves(run.inputs))
    for call in run.calls:
        if call.op != "multi_head_attention_forward" or not batch or batch < 2:
            continue
        step = next((s for s in run.steps if s.name == call.place), None)
        x = step.given[0] if step and step.given else None
        if not maps and not places_are_on_axis_1(run, next(leaves(call.returned))):
            continue  # tokens may come first
        same = isinstance(x, Seen) and x.number == given(call)[0].number  # not transposed first
        if not same or len(x.shape) != 3 or x.shape[1] == batch:
            continue
        if x.shape[0] == batch or begins_with_batch(run, x, batch):
            yield (
                f"{call.place} was made without batch_first=True, so it takes {x.shape} for "
                f"{tokens_of_pictures(x)}: the pictures of the batch look at each other."
            )


def keeps_axis(call, axis, axes):
    """True if a product of weights and values does not sum over this axis, the last but one."""
    if call.op in ("matmul", "__matmul__", "bmm"):
        return axis == axes - 2
    if call.op != "einsum" or not isinstance(call.given[0], str) or "..." in call.given[0]:
        return False
    weights, _, rest = call.given[0].replace(" ", "").partition(",")
    values, _, result = rest.partition("->")
    return axis == axes - 2 and weights[axis] in result and weights[-1] not in result


def over_the_queries(run):
    """A softmax over the axis of the queries, of scores that weigh values afterwards."""
    for call in run.calls:
        x = next(iter(given(call)), None)
        axis = call.named.get("dim", call.given[1] if len(call.given) > 1 else None)
        if call.op != "softmax" or not isinstance(axis, int) or len(x.shape) < 3:
            continue
        weights = getattr(call.returned, "number", None)
        users = [c for c in run.calls if given(c)[:1] and given(c)[0].number == weights]
        if any(keeps_axis(c, axis % len(x.shape), len(x.shape)) for c in users):
            yield (
                f"softmax in {call.place} goes over axis {axis} of the scores {x.shape}, the "
                f"queries, and the weights of one query do not add up to 1: dim=-1, the keys."
            )
        elif 0 < axis % len(x.shape) < len(x.shape) - 2 and any(weighs(c, weights) for c in users):
            yield (
                f"softmax in {call.place} goes over axis {axis} of the scores {x.shape}, the "
                f"heads, and the weights of one query do not add up to 1: dim=-1, the keys."
            )


def weighs(call, weights):
    """True for a product of matrices with the weights on the left."""
    return call.op in ("matmul", "__matmul__") and given(call)[0].number == weights


RULES = {
    "scaled_dot_product_attention": (products_of_attention,),
    "multi_head_attention_forward": (multihead,),
}
REMARKS = (keys_without_values, over_the_batch, over_the_queries)
