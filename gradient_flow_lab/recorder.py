"""Records the gradients of your own training run, layer by layer, for Gradient Flow Lab's page "Your run".

This one file needs nothing but the framework it is used with: import it from the package, or copy it.

PyTorch:

    from gradient_flow_lab.recorder import record

    with record(model, "run.jsonl.gz", every=10) as run:
        for batch in loader:
            optimizer.zero_grad()
            loss = compute_loss(model, batch)
            loss.backward()
            run.step(loss)                       # after backward, before the optimizer
            clip_grad_norm_(model.parameters(), 1.0)
            run.clipped()                        # only where gradients are clipped
            optimizer.step()

Keras 3 on the torch backend: `model.fit(..., callbacks=[keras_callback("run.jsonl.gz")])`.
JAX and Optax: `with record_tree(params, "run.jsonl.gz") as run: run.step(grads, params, loss=loss)`.

The ending chooses the format: .jsonl, .csv, each also with .gz, or .parquet (which needs pyarrow). Rows are appended
as they come, so that a process that is killed loses its last recorded step at most; a .parquet file is written at the
end, from a .partial.jsonl file beside it. docs/recordings.md describes the columns.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

FORMAT = "gradient-flow-lab-recording"
VERSION = 1
ROW_COLUMNS = ("step", "loss", "learning_rate", "loss_scale")
PARAMETER_COLUMNS = ("parameter", "layer", "kind", "size")
VALUE_COLUMNS = (
    "grad_norm",
    "clipped_grad_norm",
    "rms",
    "weight_norm",
    "update_norm",
    "zero_share",
    "nonfinite",
    "mean_square",
    "saturation",
    "dead",
)
ACTIVATION_COLUMNS = VALUE_COLUMNS[-3:]
SATURATED = 0.05  # a unit is saturated where |phi'| is below this share of its largest value
# Wrappers of PyTorch put these before the names of the parameters they wrap.
WRAPPERS = ("_orig_mod.", "module.")


# -- files ----------------------------------------------------------------------------------------------------------


class RecordingFile:
    """Appends rows to a file of any of the formats.

    Args:
        path: where; its ending is .jsonl, .jsonl.gz, .csv, .csv.gz or .parquet.
        parameters: for each tensor a mapping of PARAMETER_COLUMNS.
        framework: written into the head of the file, as are
        details: more about the run, as JSON has it; None is left out.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        parameters: Sequence[Mapping[str, Any]],
        framework: str,
        **details: Any,
    ):
        self.path = os.fspath(path)
        self.parameters = list(parameters)
        ending = self.path.removesuffix(".gz").rpartition(".")[2].lower()
        if ending not in ("jsonl", "csv", "parquet") or (ending == "parquet" and self.path.endswith(".gz")):
            raise ValueError(f"path = {self.path!r} must end in .jsonl, .csv, .jsonl.gz, .csv.gz or .parquet")
        if ending == "parquet":
            _import_pyarrow()  # better now than at the end of a long run
        self.ending = ending
        self._streamed = self.path + ".partial.jsonl" if ending == "parquet" else self.path
        opener = gzip.open if self._streamed.endswith(".gz") else open
        self._file = opener(self._streamed, "wt", encoding="utf-8", newline="")
        self._head = {
            "format": FORMAT,
            "version": VERSION,
            "framework": framework,
            "parameters": self.parameters,
        } | {name: value for name, value in details.items() if value is not None}
        if ending == "csv":
            self._csv = csv.writer(self._file, lineterminator="\n")
            self._csv.writerow((*ROW_COLUMNS, *PARAMETER_COLUMNS, *VALUE_COLUMNS))
        else:
            self._file.write(json.dumps(self._head) + "\n")
        self._file.flush()

    def write(self, row: Mapping[str, Any]) -> None:
        """Appends one recorded step: ROW_COLUMNS as numbers, VALUE_COLUMNS as lists, a number for each tensor."""
        if self.ending == "csv":
            for i, parameter in enumerate(self.parameters):
                self._csv.writerow(
                    [_text(row.get(name)) for name in ROW_COLUMNS]
                    + [_text(parameter.get(name)) for name in PARAMETER_COLUMNS]
                    + [_text(row[name][i]) if name in row else "" for name in VALUE_COLUMNS]
                )
        else:
            self._file.write(json.dumps({name: _json_ready(value) for name, value in row.items()}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Ends the file; writes the .parquet file, if that is what was asked for."""
        if self._file.closed:
            return
        self._file.close()
        if self.ending == "parquet":
            self._write_parquet()
            os.remove(self._streamed)

    def _write_parquet(self) -> None:
        pyarrow, parquet = _import_pyarrow()
        columns: dict[str, list] = {name: [] for name in (*ROW_COLUMNS, *PARAMETER_COLUMNS, *VALUE_COLUMNS)}
        with open(self._streamed, encoding="utf-8") as lines:
            next(lines)
            for line in lines:
                row = json.loads(line)
                for i, parameter in enumerate(self.parameters):
                    for name in ROW_COLUMNS:
                        columns[name].append(_number(row.get(name)))
                    for name in PARAMETER_COLUMNS:
                        columns[name].append(parameter.get(name))
                    for name in VALUE_COLUMNS:
                        columns[name].append(_number(row[name][i]) if name in row else None)
        table = pyarrow.table(columns)
        head = json.dumps({name: value for name, value in self._head.items() if name != "parameters"})
        parquet.write_table(table.replace_schema_metadata({FORMAT: head}), self.path)


def _import_pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ImportError("a .parquet recording needs pyarrow; install it, or record to run.jsonl.gz") from None
    return pyarrow, pyarrow.parquet


def _json_ready(value: Any) -> Any:
    """Numbers as JSON has them: infinities and NaN as texts, which `_number` reads back."""
    if isinstance(value, list):
        return [_json_ready(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) else value


def _text(value: Any) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


class Recorder:
    """Base of the recorders of all frameworks; a context manager.

    Args:
        file: where rows go; None records nothing.
        every: records each so-many-th step, beginning with the first.
    """

    def __init__(self, file: RecordingFile | None, every: int):
        if every < 1:
            raise ValueError(f"every = {every} must be at least 1")
        self.every = every
        self.count = 0
        self._file: Any = file

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the file."""
        if self._file is not None:
            self._file.close()


# -- PyTorch --------------------------------------------------------------------------------------------------------


def record(
    model: Any, path: str | os.PathLike, *, every: int = 1, activations: bool = False, optimizer: Any = None
) -> TorchRecorder:
    """Records a PyTorch model's gradients; see the module's docstring for a training loop with it.

    Args:
        model: any torch.nn.Module; shared parameters count once, frozen ones are listed and have no gradient.
        path: the file to write; its ending chooses the format.
        every: records each so-many-th step, beginning with the first.
        activations: also measures the outputs of activation modules, by forward hooks: mean square, share of saturated
            and of dead units.
        optimizer: where the learning rate is read from; it can also be passed to `step`.

    Raises:
        ValueError: a path with another ending, or a model without parameters.
        ImportError: a .parquet path without pyarrow.
    """
    return TorchRecorder(model, path, every=every, activations=activations, optimizer=optimizer)


class TorchRecorder(Recorder):
    """The recorder of `record`. On rank 0 only, where torch.distributed is in use; elsewhere its calls do nothing.

    All numbers of a recorded step stay on the device until the next call of `step`, when the size of the update is
    known too; then they are fetched together, so that an accelerator is waited for once.
    """

    def __init__(self, model: Any, path: str | os.PathLike, *, every: int, activations: bool, optimizer: Any):
        import torch

        self._torch = torch
        self._optimizer = optimizer
        named = [(_unwrapped(name), parameter) for name, parameter in model.named_parameters()]
        if not named:
            raise ValueError("model has no parameters to record")
        self._parameters = [parameter for _, parameter in named]
        self._activations = _activation_modules(model) if activations else []
        listed = _describe_parameters(model, named)
        for offset, (name, module) in enumerate(self._activations):
            full = f"{name} ({type(module).__name__})"
            listed.append({"parameter": full, "layer": offset + 1, "kind": "activation", "size": None})
        distributed = torch.distributed
        silent = distributed.is_available() and distributed.is_initialized() and distributed.get_rank() != 0
        details = {
            "dtype": str(self._parameters[0].dtype).removeprefix("torch."),
            "chain": _describe_chain(torch, model),
            "optimizer": _describe_optimizer(optimizer),
        }
        file = None if silent else RecordingFile(path, listed, f"torch {torch.__version__}", **details)
        super().__init__(file, every)
        self._row: dict[str, Any] | None = None
        self._columns: dict[str, list] = {}  # scalars on the device
        self._before: list[Any] = []
        self._outputs: dict[int, tuple] = {}
        self._hooks = [
            module.register_forward_hook(self._hook(i)) for i, (_, module) in enumerate(self._activations) if file
        ]

    def step(self, loss: Any = None, *, learning_rate: float | None = None, scaler: Any = None) -> None:
        """Measures the gradients; call it after backward() and before optimizer.step().

        Args:
            loss: a tensor or a number.
            learning_rate: where the optimizer was not given to `record`.
            scaler: a torch.amp.GradScaler whose scale the gradients still carry; leave it out after scaler.unscale_().
        """
        self._finish_row()
        now = self.count
        self.count = self.count + 1
        if self._file is None or now % self.every:
            return
        torch = self._torch
        with torch.no_grad():
            gradients = [parameter.grad for parameter in self._parameters]
            self._keep_weights()
            norms = [_norm(torch, g) for g in gradients]
            self._columns = {
                "grad_norm": norms,
                "weight_norm": [_norm(torch, p) for p in self._parameters],
                "zero_share": [_share_of_zeros(torch, g) for g in gradients],
                "nonfinite": [_count_nonfinite(g, n) for g, n in zip(gradients, norms, strict=True)],
            }
            if torch.is_tensor(loss):
                self._columns["loss"] = [loss.detach().double().mean()]
            if self._activations:
                measured = [self._outputs.get(i, (None, None, None)) for i in range(len(self._activations))]
                columns = map(list, zip(*measured, strict=True))
                self._columns |= dict(zip(ACTIVATION_COLUMNS, columns, strict=True))
                self._outputs = {}
        self._row = {
            "step": now,
            "loss": float(loss) if loss is not None and not torch.is_tensor(loss) else None,
            "learning_rate": learning_rate if learning_rate is not None else self._learning_rate(),
            "loss_scale": None if scaler is None else float(scaler.get_scale()),
        }

    def clipped(self) -> None:
        """Measures the gradients again after they were clipped; call it before optimizer.step()."""
        if self._row is None:
            return
        with self._torch.no_grad():
            self._columns["clipped_grad_norm"] = [_norm(self._torch, p.grad) for p in self._parameters]

    def close(self) -> None:
        """Writes what is still to be written and ends the file."""
        self._finish_row()
        super().close()
        for hook in self._hooks:
            hook.remove()

    def _finish_row(self) -> None:
        """Measures the update that was made since the recorded step, fetches all its numbers and writes them."""
        if self._row is None or self._file is None:
            return
        row = self._row
        torch = self._torch
        with torch.no_grad():
            pairs = zip(self._parameters, self._before, strict=True)
            self._columns["update_norm"] = [_norm(torch, before.sub_(p)) for p, before in pairs]
            fetched = _fetch(torch, self._columns)
        self._row = None
        self._columns = {}
        if "loss" in fetched:
            row["loss"] = fetched.pop("loss")[0]
        scale = row["loss_scale"] or 1.0
        fetched["grad_norm"] = [None if n is None else n / scale for n in fetched["grad_norm"]]
        sizes = [max(parameter.numel(), 1) for parameter in self._parameters]
        norms = zip(fetched["grad_norm"], sizes, strict=True)
        fetched["rms"] = [None if n is None else n / math.sqrt(size) for n, size in norms]
        without_parameters = [None] * len(sizes)
        without_activations = [None] * len(self._activations)
        for name, column in fetched.items():
            if name in ACTIVATION_COLUMNS:
                row[name] = without_parameters + column
            else:
                row[name] = column + without_activations
        self._file.write(row)

    def _keep_weights(self) -> None:
        """Copies the weights into the same memory each time: new memory costs more than the copy."""
        if not self._before:
            self._before = [parameter.detach().clone() for parameter in self._parameters]
            return
        for kept, parameter in zip(self._before, self._parameters, strict=True):
            kept.copy_(parameter)

    def _learning_rate(self) -> float | None:
        return None if self._optimizer is None else float(self._optimizer.param_groups[0]["lr"])

    def _hook(self, index: int) -> Callable[..., None]:
        def measure(module: Any, inputs: tuple, output: Any) -> None:
            torch = self._torch
            if self.count % self.every or not torch.is_tensor(output) or not output.numel():
                return
            with torch.no_grad():
                values = output.detach() if output.ndim > 1 else output.detach().reshape(-1, 1)
                mean_square = _norm(torch, values) ** 2 / values.numel()
                low = _low_slope(module, values)
                if low is None:
                    self._outputs[index] = mean_square, None, None
                    return
                # A unit is a channel of a picture, and otherwise an entry of the last axis.
                axis = 1 if values.ndim > 3 else values.ndim - 1
                dead = low.movedim(axis, 0).flatten(1).all(1)
                self._outputs[index] = mean_square, _share(torch, low), _share(torch, dead)

        return measure


def _unwrapped(name: str) -> str:
    """A parameter's name without what torch.compile and DistributedDataParallel put before it."""
    while name.startswith(WRAPPERS):
        name = name.partition(".")[2]
    return name


def _describe_parameters(model: Any, named: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    """PARAMETER_COLUMNS of each tensor; modules that hold some are numbered as the model lists them."""
    kinds = {}
    layers = {}
    for prefix, module in model.named_modules():
        own = [name for name, _ in module.named_parameters(recurse=False)]
        if not own:
            continue
        layer = layers.setdefault(_unwrapped(prefix + "."), len(layers) + 1)
        kind = type(module).__name__.lower()
        for name in own:
            full = _unwrapped(f"{prefix}.{name}" if prefix else name)
            if "norm" in kind:
                kinds[full] = "norm", layer
            elif "embedding" in kind:
                kinds[full] = "embedding", layer
            else:
                kinds[full] = "bias" if "bias" in name else "weight", layer
    return [
        {
            "parameter": name,
            "layer": kinds[name][1],
            "kind": kinds[name][0] if parameter.requires_grad else "frozen",
            "size": parameter.numel(),
        }
        for name, parameter in named
    ]


def _activation_modules(model: Any) -> list[tuple[str, Any]]:
    """Modules of torch.nn.modules.activation in the model, by name; attention is defined there too and is none."""
    return [
        (_unwrapped(name), module)
        for name, module in model.named_modules()
        if type(module).__module__ == "torch.nn.modules.activation" and "Attention" not in type(module).__name__
    ]


def _low_slope(module: Any, output: Any) -> Any:
    """Where an activation's slope, by its output, is below 5 % of its largest value; None where that is unknown."""
    name = type(module).__name__
    if name in ("ReLU", "ReLU6"):
        return output <= 0
    if name == "Sigmoid":
        return output * (1 - output) < SATURATED / 4
    if name == "Tanh":
        return 1 - output * output < SATURATED
    return None


def _describe_chain(torch: Any, model: Any) -> list[dict[str, Any]] | None:
    """The modules of a model that is nothing but a torch.nn.Sequential, in order; None of any other model."""
    while not isinstance(model, torch.nn.Sequential):
        children = list(model.children())
        if len(children) != 1 or list(model.parameters(recurse=False)):
            return None
        model = children[0]
    chain = []
    for module in model.modules():
        if isinstance(module, torch.nn.Sequential):
            continue
        if list(module.children()):
            return None
        described: dict[str, Any] = {"type": type(module).__name__}
        if isinstance(module, torch.nn.Linear):
            described |= {"inputs": module.in_features, "outputs": module.out_features}
            described["bias"] = module.bias is not None
        chain.append(described)
    return chain


def _describe_optimizer(optimizer: Any) -> dict[str, Any] | None:
    if optimizer is None:
        return None
    numbers = {name: value for name, value in optimizer.defaults.items() if isinstance(value, (int, float))}
    return {"type": type(optimizer).__name__} | numbers


def _precision(torch: Any, tensor: Any) -> Any:
    return torch.float32 if tensor.device.type == "mps" else torch.float64


def _values(tensor: Any) -> Any:
    return tensor.coalesce().values() if tensor.is_sparse else tensor


def _norm(torch: Any, tensor: Any) -> Any:
    """The norm in double precision, so that no square of a half or single number overflows or underflows.

    Doubles, and all numbers where there are no doubles, are scaled by the largest entry first.
    """
    if tensor is None:
        return None
    values = _values(tensor)
    precise = _precision(torch, values)
    if values.dtype != precise or values.numel() == 0:
        return torch.linalg.vector_norm(values, dtype=precise)
    largest = torch.linalg.vector_norm(values, float("inf"))
    safe = torch.where((largest > 0) & largest.isfinite(), largest, torch.ones_like(largest))
    return safe * torch.linalg.vector_norm(values / safe)


def _share(torch: Any, mask: Any) -> Any:
    return torch.mean(mask, dtype=_precision(torch, mask))


def _share_of_zeros(torch: Any, tensor: Any) -> Any:
    if tensor is None:
        return None
    values = _values(tensor)
    zeros = values.numel() - values.count_nonzero()
    return zeros.to(_precision(torch, values)) / max(values.numel(), 1)


def _is_accelerated(tensor: Any) -> bool:
    """True where Python has to wait for a number."""
    return tensor.device.type != "cpu"


def _count_nonfinite(tensor: Any, norm: Any) -> Any:
    """The number of infinities and NaN; a finite norm says that there are none, where asking it waits for nothing."""
    if tensor is None:
        return None
    values = _values(tensor)
    if not _is_accelerated(values) and norm.isfinite():
        return norm.new_zeros(())
    return values.numel() - values.isfinite().count_nonzero()


def _fetch(torch: Any, columns: Mapping[str, list]) -> dict[str, list[float | None]]:
    """Columns of scalars, or None, as numbers: one transfer, and so one wait for an accelerator."""
    flat = [value for column in columns.values() for value in column if value is not None]
    if not flat:
        return {name: list(column) for name, column in columns.items()}
    device = flat[0].device
    precise = _precision(torch, flat[0])
    numbers = iter(torch.stack([value.to(device, precise) for value in flat]).tolist())
    return {n: [None if value is None else next(numbers) for value in column] for n, column in columns.items()}


# -- Keras ----------------------------------------------------------------------------------------------------------


def keras_callback(path: str | os.PathLike, *, every: int = 1) -> Any:
    """A callback for Keras 3 on the torch backend, where a batch's gradients stay on the variables until the next.

    Raises:
        RuntimeError: another backend, which gives a callback no gradient; use `record_tree` in a loop of your own.
    """
    import keras

    if keras.backend.backend() != "torch":
        raise RuntimeError(
            f"keras_callback sees gradients on the torch backend only, and this is {keras.backend.backend()}: set "
            "KERAS_BACKEND=torch, or write the loop yourself and use record_tree"
        )

    class _Record(keras.callbacks.Callback):
        def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
            names = [variable.path for variable in self.model.trainable_variables]
            modules = list(dict.fromkeys(name.rpartition("/")[0] for name in names))
            listed = [
                {
                    "parameter": variable.path,
                    "layer": modules.index(variable.path.rpartition("/")[0]) + 1,
                    "kind": "bias" if variable.path.endswith(("bias", "beta")) else "weight",
                    "size": math.prod(variable.shape),
                }
                for variable in self.model.trainable_variables
            ]
            self.file = RecordingFile(path, listed, f"keras {keras.__version__}, torch")
            self.count = 0
            self.weights = None

        def on_train_batch_begin(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
            if self.count % every == 0:
                self.weights = [variable.value.detach().clone() for variable in self.model.trainable_variables]

        def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
            import torch

            now = self.count
            self.count = self.count + 1
            if now % every:
                return
            variables = [variable.value for variable in self.model.trainable_variables]
            with torch.no_grad():
                pairs = zip(variables, self.weights, strict=True)
                gradients = [variable.grad for variable in variables]
                norms = [_norm(torch, gradient) for gradient in gradients]
                columns = {
                    "grad_norm": norms,
                    "weight_norm": [_norm(torch, before) for before in self.weights],
                    "update_norm": [_norm(torch, variable - before) for variable, before in pairs],
                    "zero_share": [_share_of_zeros(torch, gradient) for gradient in gradients],
                    "nonfinite": [_count_nonfinite(g, n) for g, n in zip(gradients, norms, strict=True)],
                }
                row = {"step": now, "loss": float((logs or {}).get("loss", math.nan))}
                row["learning_rate"] = float(self.model.optimizer.learning_rate)
                self.file.write(row | _fetch(torch, columns))

        def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
            self.file.close()

    return _Record()


# -- JAX ------------------------------------------------------------------------------------------------------------


def record_tree(params: Any, path: str | os.PathLike, *, every: int = 1) -> TreeRecorder:
    """Records gradients that are pytrees, as JAX and Optax have them.

    Args:
        params: the parameters; their structure names the tensors.
        path, every: as in `record`.
    """
    return TreeRecorder(params, path, every=every)


class TreeRecorder(Recorder):
    """The recorder of `record_tree`."""

    def __init__(self, params: Any, path: str | os.PathLike, *, every: int):
        import jax

        self._jax = jax
        leaves = jax.tree_util.tree_flatten_with_path(params)[0]
        if not leaves:
            raise ValueError("params has no leaves to record")
        # JAX sorts the keys of a dictionary as words, so that layer 10 comes before layer 2.
        names = [".".join(_key(entry) for entry in keys) for keys, _ in leaves]
        self._order = sorted(range(len(names)), key=lambda i: _natural_key(names[i]))
        names = [names[i] for i in self._order]
        leaves = [leaves[i] for i in self._order]
        modules = list(dict.fromkeys(name.rpartition(".")[0] for name in names))
        listed = [
            {
                "parameter": name,
                "layer": modules.index(name.rpartition(".")[0]) + 1,
                "kind": "bias" if name.rpartition(".")[2] in ("b", "bias", "beta") else "weight",
                "size": int(leaf.size),
            }
            for name, (_, leaf) in zip(names, leaves, strict=True)
        ]
        super().__init__(RecordingFile(path, listed, f"jax {jax.__version__}"), every)
        self._measure = jax.jit(
            lambda given: {n: [_measure_leaf(jax, n, leaf) for leaf in leaves] for n, leaves in given.items()}
        )

    def step(self, grads: Any, params: Any, *, loss: Any = None, updates: Any = None, clipped: Any = None) -> None:
        """Measures one step.

        Args:
            grads: the gradients, before clipping.
            params: the parameters that they belong to.
            loss: a number or an array of one.
            updates: what is added to the parameters (Optax's updates).
            clipped: the gradients after clipping.
        """
        now = self.count
        self.count = self.count + 1
        if self._file is None or now % self.every:
            return
        trees = {
            "grad_norm": grads,
            "zero_share": grads,
            "nonfinite": grads,
            "weight_norm": params,
            "update_norm": updates,
            "clipped_grad_norm": clipped,
        }
        given = {name: self._jax.tree_util.tree_leaves(tree) for name, tree in trees.items() if tree is not None}
        columns = self._jax.device_get(self._measure(given))
        row: dict[str, Any] = {"step": now, "loss": None if loss is None else float(loss)}
        row |= {name: [float(column[i]) for i in self._order] for name, column in columns.items()}
        self._file.write(row)


def _measure_leaf(jax: Any, name: str, leaf: Any) -> Any:
    """A number of one leaf; norms in single precision, scaled by the largest entry, so that no square overflows."""
    if name == "zero_share":
        return (leaf == 0).mean()
    if name == "nonfinite":
        return (~jax.numpy.isfinite(leaf)).sum()
    values = jax.numpy.abs(leaf).astype(jax.numpy.promote_types(leaf.dtype, jax.numpy.float32))
    largest = values.max(initial=0.0)
    safe = jax.numpy.where((largest > 0) & jax.numpy.isfinite(largest), largest, 1.0)
    return safe * jax.numpy.sqrt(((values / safe) ** 2).sum())


def _natural_key(name: str) -> list[tuple[int, float | str]]:
    """A key by which layer 2 comes before layer 10."""
    return [(1, float(part)) if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name) if part]


def _key(entry: Any) -> str:
    for attribute in ("key", "name", "idx"):
        if hasattr(entry, attribute):
            return str(getattr(entry, attribute))
    return str(entry)
