"""As much of PyTorch, Keras and JAX as the recorder asks for, on NumPy's arrays, so that quick tests need none of them.

A tensor is an array that knows PyTorch's names; modules hold parameters whose gradients a test writes down itself. Of
JAX the functions of trees are those of nested dictionaries, whose keys are sorted as words.
"""

from contextlib import nullcontext
from types import ModuleType, SimpleNamespace

import numpy as np


class Tensor(np.ndarray):
    """An array with the methods of a tensor; `grad` is written from outside."""

    grad = None
    requires_grad = True
    is_sparse = False
    device = SimpleNamespace(type="cpu")

    def __array_wrap__(self, array, context=None, return_scalar=False):
        return np.asarray(array).view(Tensor)

    def detach(self):
        return self

    def clone(self):
        return self.copy()

    def copy_(self, other):
        self[...] = other
        return self

    def sub_(self, other):
        self[...] -= other
        return self

    def numel(self):
        return self.size

    def double(self):
        return self.astype(np.float64)

    def to(self, device, dtype=None):
        return self.astype(device if dtype is None else dtype)

    def isfinite(self):
        return np.isfinite(self).view(Tensor)

    def count_nonzero(self):
        return tensor(np.count_nonzero(self))

    def new_zeros(self, shape):
        return tensor(np.zeros(shape, self.dtype))

    def movedim(self, source, target):
        return np.moveaxis(self, source, target)

    def flatten(self, start=0):
        return self.reshape(*self.shape[:start], -1)


def tensor(values, dtype=None):
    return np.array(values, dtype).view(Tensor)


class Module:
    """A module whose attributes are its parameters and children, in order."""

    def __init__(self, **parts):
        self.__dict__.update(parts)
        self._hooks = []

    def _parts(self, kind):
        return [(name, part) for name, part in self.__dict__.items() if isinstance(part, kind)]

    def children(self):
        return iter([child for _, child in self._parts(Module)])

    def named_modules(self, prefix=""):
        yield prefix, self
        for name, child in self._parts(Module):
            yield from child.named_modules(f"{prefix}.{name}" if prefix else name)

    def modules(self):
        return (module for _, module in self.named_modules())

    def named_parameters(self, recurse=True):
        seen = set()
        for prefix, module in self.named_modules() if recurse else [("", self)]:
            for name, part in module._parts(Tensor):
                if id(part) not in seen:
                    seen.add(id(part))
                    yield (f"{prefix}.{name}" if prefix else name), part

    def parameters(self, recurse=True):
        return (parameter for _, parameter in self.named_parameters(recurse))

    def register_forward_hook(self, hook):
        self._hooks.append(hook)
        return SimpleNamespace(remove=lambda: self._hooks.remove(hook))

    def put_out(self, output):
        """Call the hooks as a forward pass does."""
        for hook in list(self._hooks):
            hook(self, (), output)


class Linear(Module):
    def __init__(self, inputs, outputs, *, bias=True, dtype="float32"):
        self.in_features, self.out_features = inputs, outputs
        self.weight = tensor(np.zeros((outputs, inputs)), dtype)
        self.bias = tensor(np.zeros(outputs), dtype) if bias else None
        super().__init__()


class Sequential(Module):
    def __init__(self, *modules):
        super().__init__(**{str(index): module for index, module in enumerate(modules)})


def make_class(name, module="torch.nn.modules.other"):
    return type(name, (Module,), {"__module__": module})


ACTIVATIONS = {
    name: make_class(name, "torch.nn.modules.activation")
    for name in ("ReLU", "ReLU6", "Sigmoid", "Tanh", "GELU", "MultiheadAttention")
}
LayerNorm, Embedding = make_class("LayerNorm"), make_class("Embedding")


def _vector_norm(values, order=2, dtype=None):
    flat = np.asarray(values, dtype).ravel()
    return tensor(np.linalg.norm(flat, order) if flat.size else 0.0, flat.dtype)


def torch():
    """The module `torch`."""
    made = ModuleType("torch")
    made.__dict__.update(
        __version__="2.0",
        float32=np.dtype("float32"),
        float64=np.dtype("float64"),
        linalg=SimpleNamespace(vector_norm=_vector_norm),
        nn=SimpleNamespace(Sequential=Sequential, Linear=Linear),
        distributed=SimpleNamespace(is_available=lambda: False),
        no_grad=nullcontext,
        is_tensor=lambda value: isinstance(value, Tensor),
        where=lambda mask, one, other: np.where(mask, one, other).view(Tensor),
        ones_like=lambda values: np.ones_like(values).view(Tensor),
        mean=lambda mask, dtype: tensor(np.mean(mask, dtype=dtype)),
        stack=lambda values: np.stack(values).view(Tensor),
    )
    return made


def keras(backend="torch"):
    """The module `keras`."""
    made = ModuleType("keras")
    made.__dict__.update(
        __version__="3.0",
        backend=SimpleNamespace(backend=lambda: backend),
        callbacks=SimpleNamespace(Callback=type("Callback", (), {})),
    )
    return made


def _leaves(tree, path=()):
    if isinstance(tree, dict):
        for key in sorted(tree):
            yield from _leaves(tree[key], (*path, SimpleNamespace(key=key)))
    else:
        yield path, tree


def jax():
    """The module `jax`."""
    made = ModuleType("jax")
    made.__dict__.update(
        __version__="0.1",
        numpy=np,
        jit=lambda function: function,
        device_get=lambda values: values,
        tree_util=SimpleNamespace(
            tree_flatten_with_path=lambda tree: (list(_leaves(tree)), None),
            tree_leaves=lambda tree: [leaf for _, leaf in _leaves(tree)],
        ),
    )
    return made
