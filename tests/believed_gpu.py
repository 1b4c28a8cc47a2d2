"""A GPU that PyTorch believes in, on a machine that has none.

PyTorch lets a backend be written in Python (its key is PrivateUse1; experimental, as of 2.11).
The tensors of this one, on the device "gpu", keep their numbers on the CPU. To PyTorch they are
elsewhere: what mixes devices is refused, and so are .numpy() and a CPU's generator.

Under autocast, products and convolutions do take 16 bits, and what CUDA keeps in fp32 stays in
fp32. What cannot be shown here: speed, how much memory a GPU's own kernels take, the last digits of
its numbers, torch.compile, and generators on the device, which the course does not use.
"""

import torch
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from course_utils.memory import LiveMemory

ATEN = torch.ops.aten
COPIES = ATEN.copy_, ATEN._to_copy  # they go from one device to another
INDEXING = ATEN.index, ATEN.index_put, ATEN.index_put_, ATEN._index_put_impl_, ATEN._unsafe_index
CONVOLUTIONS = ATEN.convolution, ATEN.convolution_backward
JOINING = ATEN.cat, ATEN.stack  # they take no plain number of another device

# How tensors are made there; randn, zeros and others are made of these.
MAKING = (
    *"empty.memory_format empty_strided arange arange.start arange.start_step linspace".split(),
    *"logspace eye eye.m randperm randperm.generator tril_indices triu_indices".split(),
)
# What CUDA's autocast does in 16 bits, and what in fp32, as far as a U-Net meets it. Source: the
# page "Automatic Mixed Precision package" of PyTorch's documentation.
IN_16_BITS = (
    *"conv1d conv2d conv3d conv_transpose1d conv_transpose2d.input linear".split(),
    *"matmul mm mv bmm addmm baddbmm addmv addr scaled_dot_product_attention".split(),
)
IN_32_BITS = (
    *"exp log pow.Tensor_Scalar pow.Tensor_Tensor rsqrt sum sum.dim_IntList cumsum prod".split(),
    *"softmax.int log_softmax.int layer_norm group_norm norm.Scalar mse_loss l1_loss".split(),
    *"cross_entropy_loss nll_loss smooth_l1_loss softplus cdist".split(),
)

memory = LiveMemory()  # what the tensors of the device hold, for the counters
DEVICE = None  # set by believe()
BACKEND, AUTOCAST = "PrivateUse1", "AutocastPrivateUse1"
KEPT = []  # libraries of kernels: one that nobody keeps is taken back


class Refused(RuntimeError):
    """On a GPU it would be refused too."""


class Backend:
    """What PyTorch asks the module of a backend."""

    def is_initialized(self):
        return True

    def is_available(self):
        return True

    def device_count(self):
        return 1

    def current_device(self):
        return 0

    def _is_in_bad_fork(self):
        return False

    # The numbers are drawn by the CPU's generator, which whoever calls these (torch.manual_seed;
    # in PyTorch 2.14 torch.random.fork_rng too) has seeded, or put back, already.

    def manual_seed_all(self, seed):
        pass

    def get_rng_state(self, device=0):
        return torch.get_rng_state()

    def set_rng_state(self, state, device=0):
        pass

    def get_amp_supported_dtype(self):
        return [torch.float16, torch.bfloat16, torch.float32]


class BelievedTensor(torch.Tensor):
    """A tensor on the believed device, and the tensor of the CPU that holds its numbers."""

    __torch_function__ = torch._C._disabled_torch_function_impl
    is_cuda = True

    @staticmethod
    def __new__(cls, held):
        layout = dict(strides=held.stride(), storage_offset=held.storage_offset())
        made = torch.Tensor._make_wrapper_subclass(
            cls, held.shape, **layout, dtype=held.dtype, device=DEVICE
        )
        made.held = held
        memory.count(held.untyped_storage())
        return made

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return compute(func, args, kwargs or {})

    def __array__(self, *args, **kwargs):
        raise TypeError(
            "can't convert gpu:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor "
            "to host memory first."
        )

    numpy = __array__

    def tolist(self):
        return self.cpu().tolist()

    def __format__(self, spec):
        return format(self.cpu(), spec)

    def __repr__(self, **how):
        return repr(self.cpu()).removesuffix(")") + ", device='gpu:0')"

    def __reduce_ex__(self, protocol):
        rebuild = torch._utils._rebuild_device_tensor_from_cpu_tensor
        return rebuild, (self.detach().cpu(), self.dtype, str(self.device), self.requires_grad)


def compute(func, args, kwargs):
    """Do an operation on the CPU, and put the results where a GPU would have them."""
    leaves = []

    def taken(x):
        leaves.append(x)
        return held(x)

    on_cpu, named = mapped(taken, args), {key: mapped(taken, x) for key, x in kwargs.items()}
    given = [x for x in leaves if isinstance(x, torch.Tensor)]
    there = any(type(x) is BelievedTensor for x in given)
    if there and func.overloadpacket not in COPIES:
        refuse_mixture(func, args, given)
    if kwargs.get("device") is not None:
        there = torch.device(kwargs["device"]).type == "gpu"
        named["device"] = torch.device("cpu")
    if func.overloadpacket is ATEN.copy_:
        there = type(args[0]) is BelievedTensor
    if there:
        refuse_generator(func, next((x for x in leaves if isinstance(x, torch.Generator)), None))
    rounds = func.overloadpacket in CONVOLUTIONS and args[0].dtype.itemsize == 2
    out = accumulated(func, on_cpu) if rounds else func(*on_cpu, **named)
    if not there:
        return out
    # What an operation changes in place stays the tensor that it was.
    known = {id(x.held): x for x in given if type(x) is BelievedTensor}
    return mapped(lambda x: sent(x, known) if isinstance(x, torch.Tensor) else x, out)


def accumulated(func, args):
    """Convolve 16 bits in fp32 and round what comes out, as a GPU does. In 16 bits a CPU takes 7
    times as long."""

    def change(to):
        return lambda x: x.to(to) if isinstance(x, torch.Tensor) else x

    return mapped(change(args[0].dtype), func(*mapped(change(torch.float32), args)))


def mapped(function, value):
    """Call a function for a value, or for all that a list or a tuple holds: they hold no more."""
    if isinstance(value, (list, tuple)):
        return [mapped(function, x) for x in value]
    return function(value)


def held(x):
    return x.held if type(x) is BelievedTensor else x


def sent(x, known):
    same = known.get(id(x))
    if same is not None and same.shape != x.shape:
        raise NotImplementedError("the believed device knows no operation that resizes in place")
    return BelievedTensor(x) if same is None else same


def refuse_mixture(func, args, given):
    """Raise where tensors of both devices meet, unless CUDA allows it.

    It allows plain numbers of the CPU, and indices of the CPU for a tensor that is on the GPU.
    """
    home = [x for x in given if type(x) is not BelievedTensor]
    if func.overloadpacket not in JOINING:
        home = [x for x in home if x.ndim]
    if func.overloadpacket in INDEXING and type(args[0]) is BelievedTensor:
        home = [x for x in home if all(x is not index for index in args[1])]
    if home:
        raise Refused(
            f"{func}: Expected all tensors to be on the same device, but found at least two "
            f"devices, gpu:0 and cpu! On the CPU is {tuple(home[0].shape)}"
        )


def refuse_generator(func, generator):
    if generator is not None:  # there are none but the CPU's
        raise Refused(f"{func}: Expected a 'gpu' device type for generator but found 'cpu'")


# The backend, autocast on it, and what torch.cuda says


def believe():
    """Register the backend, let torch.cuda answer for it, and return the device.

    It cannot be taken back: whoever calls it needs a process of its own.
    """
    global DEVICE
    _setup_privateuseone_for_python_backend("gpu", Backend())
    DEVICE = torch.device("gpu:0")
    # As with CUDA, net.to(device) keeps the parameters that an optimizer may know already.
    torch.__future__.set_swap_module_params_on_conversion(True)
    register_kernels()
    for name, answer in cuda().items():
        if not hasattr(torch.cuda, name):
            raise AttributeError(f"torch.cuda has no {name}")
        setattr(torch.cuda, name, answer)
    return DEVICE


def cuda():
    """What the course asks torch.cuda, answered for the believed device."""

    def forget_the_peak():
        memory.peak = memory.now

    return {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "get_device_name": lambda device=None: "a GPU believed in",
        "is_bf16_supported": lambda including_emulation=True: False,  # a T4, as on Colab
        "synchronize": lambda device=None: None,
        "is_current_stream_capturing": lambda: False,  # an optimizer asks
        "memory_allocated": lambda device=None: memory.now,
        "max_memory_allocated": lambda device=None: memory.peak,
        "reset_peak_memory_stats": lambda device=None: forget_the_peak(),
        "mem_get_info": lambda device=None: (15 * 2**30 - memory.now, 15 * 2**30),
        "get_rng_state_all": lambda: [torch.get_rng_state()],
        "set_rng_state_all": lambda states: None,  # the CPU's generator draws, and is set too
    }


def register_kernels():
    """Say how tensors are made on the device, in any thread, and what autocast casts."""
    library = torch.library.Library("aten", "IMPL")
    for name in MAKING:
        library.impl(name, making(operation(name)), BACKEND)
    library.impl("_copy_from", copy_there, BACKEND)  # torch.tensor(numbers, device=...)
    for name in IN_16_BITS:
        library.impl(name, casting(operation(name), None), AUTOCAST)
    for name in IN_32_BITS:
        library.impl(name, casting(operation(name), torch.float32), AUTOCAST)
    everything = torch.library.Library("_", "IMPL")
    everything.fallback(torch.library.fallthrough_kernel, AUTOCAST)
    KEPT.extend((library, everything))


def operation(name):
    packet, _, overload = name.partition(".")
    return getattr(getattr(ATEN, packet), overload or "default")


def making(function):
    """An operation that makes a tensor: on the CPU, to be believed elsewhere."""

    def make(*args, **kwargs):
        refuse_generator(function, kwargs.get("generator"))
        return BelievedTensor(function(*args, **{**kwargs, "device": torch.device("cpu")}))

    return make


def copy_there(source, target, non_blocking=False):
    held(target).copy_(held(source))
    return target


def casting(function, dtype):
    """The operation with its floats cast: to a dtype, or to that which autocast is told."""
    keys = torch._C.DispatchKeySet(torch._C._dispatch_key_parse(AUTOCAST))

    def cast(x):
        floats = type(x) is BelievedTensor and x.is_floating_point() and x.dtype != torch.float64
        return x.to(dtype or torch.get_autocast_dtype("gpu")) if floats else x

    def call(*args, **kwargs):
        with torch._C._ExcludeDispatchKeyGuard(keys):
            return function(*mapped(cast, args), **{k: mapped(cast, x) for k, x in kwargs.items()})

    return call
