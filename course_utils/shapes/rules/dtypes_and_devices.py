"""Whatever the operation: numbers of two kinds, tensors on two devices."""

from course_utils.shapes.calls import given, input_number


def kinds(run, call, place):
    seen = given(call)
    if len({s.device.type for s in seen}) > 1:
        where = " and ".join(dict.fromkeys(f"{s.shape} on {s.device}" for s in seen))
        return (
            f"{place}: {where} meet. Move them to one device: model.to(device), x.to(device), and "
            f"make new tensors with device=x.device."
        )
    first, rest = seen[:1], seen[1:]
    if call.op == "embedding" and first and first[0].dtype.is_floating_point:
        return f"{place} looks up rows by whole numbers and gets {first[0].kind}; use .long()."
    weighted = call.op.startswith(("conv", "linear", "matmul", "__matmul__", "addmm", "bmm"))
    if not weighted or not rest or first[0].dtype == rest[0].dtype:
        return None
    sentence = f"{place} has weights of {rest[0].kind} and gets {first[0].kind}, {first[0].shape}"
    if not first[0].dtype.is_floating_point:
        index = input_number(run, first[0])
        nth = ("first", "second", "third", "fourth")
        is_known = index is not None and index < len(nth)
        whose = f", the network's {nth[index]} input as it came" if is_known else ""
        if first[0].kind == "uint8":
            return f"{sentence}{whose}. Bytes of pictures become floats first: x / 127.5 - 1."
        return f"{sentence}{whose}. Whole numbers such as steps are embedded first, or made floats."
    return f"{sentence}. Give both the same dtype: x.to(dtype) or model.to(dtype)."
