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
SATURATED = 0.05  # a unit is saturated where |phi'| is below this share of its largest value
# Wrappers of PyTorch put these before the names of the parameters they wrap.
WRAPPERS = ("_orig_mod.", "module.")


# -- files ----------------------------------------------------------------------------------------------------------


class RecordingFile:
    """Appends rows to a file of any of the formats.

    Args:
        path: where; its ending is .jsonl, .jsonl.gz, .csv, .csv.gz or .parquet.
        parameters: for each tensor a mapping of PARAMETER_COLUMNS.
        framework: written into the head of the file.
    """

    def __init__(self, path: str | os.PathLike, parameters: Sequence[Mapping[str, Any]], framework: str):
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
        }
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
        about = {"format": FORMAT, "version": str(VERSION), "framework": self._head["framework"]}
        parquet.write_table(table.replace_schema_metadata(about), self.path)


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
    """Rows that are complete one step later, when the size of the update is known.

    Frameworks differ in how they measure; this holds what they share. Use it as a context manager.
    """

    def __init__(self, file: RecordingFile | None, every: int):
        if every < 1:
            raise ValueError(f"every = {every} must be at least 1")
        self.every = every
        self.count = 0
        self._file = file
        self._row: dict[str, Any] | None = None

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Writes what is still to be written and ends the file."""
        self._finish_row()
        if self._file is not None:
            self._file.close()

    def _measure_update(self) -> list[float | None] | None:
        raise NotImplementedError

    def _finish_row(self) -> None:
        if self._row is None or self._file is None:
            return
        update = self._measure_update()
        if update is not None:
            self._row["update_norm"] = update
        self._file.write(self._row)
        self._row = None


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
    """The recorder of `record`. On rank 0 only, where torch.distributed is in use; elsewhere its calls do nothing."""

    def __init__(self, model: Any, path: str | os.PathLike, *, every: int, activations: bool, optimizer: Any):
        import torch

        self._torch = torch
        self._optimizer = optimizer
        named = [(_unwrapped(name), parameter) for name, parameter in model.named_parameters()]
        if not named:
            raise ValueError("model has no parameters to record")
        self._parameters = [parameter for _, parameter in named]
        self._activations = _activation_modules(torch, model) if activations else []
        listed = _describe_parameters(torch, model, named)
        self._outputs: dict[int, tuple] = {}
        for offset, (name, _) in enumerate(self._activations):
            listed.append({"parameter": name, "layer": offset + 1, "kind": "activation", "size": None})
        distributed = torch.distributed
        silent = distributed.is_available() and distributed.is_initialized() and distributed.get_rank() != 0
        file = None if silent else RecordingFile(path, listed, f"torch {torch.__version__}")
        super().__init__(file, every)
        self._before: list[Any] | None = None
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
        now, self.count = self.count, self.count + 1
        if self._file is None or now % self.every:
            return
        torch = self._torch
        scale = float(scaler.get_scale()) if scaler is not None else 1.0
        with torch.no_grad():
            gradients = [parameter.grad for parameter in self._parameters]
            self._before = [parameter.detach().clone() for parameter in self._parameters]
            columns = [
                [_norm(torch, g) for g in gradients],
                [_norm(torch, p) for p in self._parameters],
                [None if g is None else (_values(g) == 0).double().mean() for g in gradients],
                [None if g is None else (~torch.isfinite(_values(g))).sum().double() for g in gradients],
            ]
            if loss is not None and torch.is_tensor(loss):
                columns.append([loss.detach().double().mean()])
            norms, weights, zeros, nonfinite, *rest = _fetch(torch, columns)
        norms = [_rescaled(torch, n, g) for n, g in zip(norms, gradients, strict=True)]
        norms = [None if n is None else n / scale for n in norms]
        sizes = [parameter.numel() for parameter in self._parameters]
        extra = [None] * len(self._activations)
        row = {
            "step": now,
            "loss": rest[0][0] if rest else (None if loss is None else float(loss)),
            "learning_rate": learning_rate if learning_rate is not None else self._learning_rate(),
            "loss_scale": scale if scaler is not None else None,
            "grad_norm": norms + extra,
            "rms": [None if n is None else n / math.sqrt(s) for n, s in zip(norms, sizes, strict=True)] + extra,
            "weight_norm": weights + extra,
            "zero_share": zeros + extra,
            "nonfinite": nonfinite + extra,
        }
        if self._activations:
            blank = [None] * len(self._parameters)
            seen = [self._outputs.get(i, (None, None, None)) for i in range(len(self._activations))]
            for name, column in zip(("mean_square", "saturation", "dead"), zip(*seen, strict=True), strict=True):
                row[name] = blank + _fetch(torch, [list(column)])[0]
            self._outputs.clear()
        self._row = row

    def clipped(self) -> None:
        """Measures the gradients again after they were clipped; call it before optimizer.step()."""
        if self._row is None:
            return
        with self._torch.no_grad():
            norms = _fetch(self._torch, [[_norm(self._torch, p.grad) for p in self._parameters]])[0]
        self._row["clipped_grad_norm"] = norms + [None] * len(self._activations)

    def close(self) -> None:
        super().close()
        for hook in self._hooks:
            hook.remove()

    def _measure_update(self) -> list[float | None] | None:
        if self._before is None:
            return None
        with self._torch.no_grad():
            changes = [_norm(self._torch, p.detach() - b) for p, b in zip(self._parameters, self._before, strict=True)]
            norms = _fetch(self._torch, [changes])[0]
        self._before = None
        return norms + [None] * len(self._activations)

    def _learning_rate(self) -> float | None:
        return float(self._optimizer.param_groups[0]["lr"]) if self._optimizer is not None else None

    def _hook(self, index: int) -> Callable[..., None]:
        def measure(module: Any, inputs: tuple, output: Any) -> None:
            if self.count % self.every or not self._torch.is_tensor(output):
                return
            with self._torch.no_grad():
                values = output.detach().double().flatten(1) if output.ndim > 1 else output.detach().double()[:, None]
                low = _low_slope(module, values)
                saturation = None if low is None else low.double().mean()
                dead = None if low is None else low.all(0).double().mean()
                self._outputs[index] = ((values * values).mean(), saturation, dead)

        return measure


def _unwrapped(name: str) -> str:
    """A parameter's name without what torch.compile and DistributedDataParallel put before it."""
    while name.startswith(WRAPPERS):
        name = name.partition(".")[2]
    return name


def _describe_parameters(torch: Any, model: Any, named: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    """PARAMETER_COLUMNS of each tensor; modules that hold some are numbered as the model lists them."""
    kinds, layers = {}, {}
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


def _activation_modules(torch: Any, model: Any) -> list[tuple[str, Any]]:
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


def _values(tensor: Any) -> Any:
    return tensor.coalesce().values() if tensor.is_sparse else tensor


def _norm(torch: Any, tensor: Any) -> Any:
    """The norm in double precision, so that no square of a half or single number overflows or underflows."""
    if tensor is None:
        return None
    precise = torch.float32 if tensor.device.type == "mps" else torch.float64
    return torch.linalg.vector_norm(_values(tensor), dtype=precise)


def _rescaled(torch: Any, norm: float | None, tensor: Any) -> float | None:
    """A norm of doubles whose squares left the range, computed again scaled by the largest entry."""
    if norm is None or 1e-150 < norm < 1e150 or tensor.dtype != torch.float64 or tensor.numel() == 0:
        return norm
    largest = float(_values(tensor).abs().max())
    if largest == 0 or not math.isfinite(largest):
        return norm
    return largest * float(torch.linalg.vector_norm(_values(tensor) / largest))


def _fetch(torch: Any, columns: list[list]) -> list[list[float | None]]:
    """Columns of scalars, or None, as numbers: one transfer, and so one wait for an accelerator."""
    flat = [value for column in columns for value in column if value is not None]
    numbers = iter(torch.stack([value.to(flat[0].device, flat[0].dtype) for value in flat]).tolist() if flat else [])
    return [[None if value is None else next(numbers) for value in column] for column in columns]


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

            now, self.count = self.count, self.count + 1
            if now % every:
                return
            variables = [variable.value for variable in self.model.trainable_variables]
            with torch.no_grad():
                columns = [
                    [_norm(torch, variable.grad) for variable in variables],
                    [_norm(torch, before) for before in self.weights],
                    [_norm(torch, v - before) for v, before in zip(variables, self.weights, strict=True)],
                ]
                norms, weights, updates = _fetch(torch, columns)
            row = {"step": now, "loss": float((logs or {}).get("loss", math.nan)), "grad_norm": norms}
            row["learning_rate"] = float(self.model.optimizer.learning_rate)
            self.file.write(row | {"weight_norm": weights, "update_norm": updates})

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
        names = [".".join(_key(entry) for entry in keys) for keys, _ in leaves]
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
        self._norms = jax.jit(lambda trees: [[_tree_norm(jax, leaf) for leaf in tree] for tree in trees])

    def step(self, grads: Any, params: Any, *, loss: Any = None, updates: Any = None, clipped: Any = None) -> None:
        """Measures one step.

        Args:
            grads: the gradients, before clipping.
            params: the parameters that they belong to.
            loss: a number or an array of one.
            updates: what is added to the parameters (Optax's updates).
            clipped: the gradients after clipping.
        """
        now, self.count = self.count, self.count + 1
        if now % self.every:
            return
        leaves = self._jax.tree_util.tree_leaves
        given = {"grad_norm": grads, "weight_norm": params, "update_norm": updates, "clipped_grad_norm": clipped}
        given = {name: leaves(tree) for name, tree in given.items() if tree is not None}
        norms = self._jax.device_get(self._norms(list(given.values())))
        row = {"step": now, "loss": None if loss is None else float(loss)}
        row |= {name: [float(n) for n in column] for name, column in zip(given, norms, strict=True)}
        self._file.write(row)

    def _measure_update(self) -> None:
        return None


def _tree_norm(jax: Any, leaf: Any) -> Any:
    """The norm in single precision, scaled by the largest entry, so that no square overflows or underflows."""
    values = jax.numpy.abs(leaf).astype(jax.numpy.promote_types(leaf.dtype, jax.numpy.float32))
    largest = values.max(initial=0.0)
    safe = jax.numpy.where((largest > 0) & jax.numpy.isfinite(largest), largest, 1.0)
    return safe * jax.numpy.sqrt(((values / safe) ** 2).sum())


def _key(entry: Any) -> str:
    for attribute in ("key", "name", "idx"):
        if hasattr(entry, attribute):
            return str(getattr(entry, attribute))
    return str(entry)
