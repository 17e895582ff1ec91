"""A sweep's files: the specification, the checkpoint, and the table at the end."""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import ConfigError
from .chunks import Chunk, ChunkResult
from .grid import Grid
from .table import SweepTable

OUTPUT_SUFFIXES = (".csv", ".parquet")


def read_spec(path: Path) -> Grid:
    """Reads the sweep that a JSON file specifies.

    Raises:
        ConfigError: the file is not JSON, or not a sweep.
        OSError: the file cannot be read.
    """
    try:
        mapping = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:  # broken JSON, or bytes that are not text
        raise ConfigError("spec", str(path), f"it must be a JSON file ({error})") from None
    return Grid.from_dict(mapping)


def check_output(path: Path) -> None:
    """Refuses, before anything runs, an output file that could not be written at the end.

    Raises:
        ConfigError: an unknown suffix, Parquet without pyarrow, or a folder that does not exist.
    """
    if path.suffix not in OUTPUT_SUFFIXES:
        raise ConfigError("output", str(path), "its name must end in " + " or ".join(OUTPUT_SUFFIXES))
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise ConfigError("output", str(path), "Parquet needs pyarrow, which is not installed; write .csv instead")
    if not path.absolute().parent.is_dir():
        raise ConfigError("output", str(path), "its folder must exist")
    if path.is_dir():
        raise ConfigError("output", str(path), "it is a folder")


def flatten_layers(frame: pd.DataFrame) -> pd.DataFrame:
    """Writes lists, of `hidden` and of activations by layer, as text such as "64,32,16", which any file can hold."""
    fields = [field for field in ("hidden", "activation") if field in frame]
    return frame.assign(**{field: [_to_text(value) for value in frame[field]] for field in fields})


def _to_text(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, tuple) else value


def to_parquet(frame: pd.DataFrame) -> bytes:
    """Converts the table to the bytes of a Parquet file."""
    return flatten_layers(frame).to_parquet(index=False)


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Writes the table as CSV or Parquet, according to the suffix; the file is complete or does not exist."""
    draft = path.with_name(path.name + ".draft")
    if path.suffix == ".parquet":
        draft.write_bytes(to_parquet(frame))
    else:
        flatten_layers(frame).to_csv(draft, index=False)
    draft.replace(path)


class Checkpoint:
    """The finished runs of a sweep, in a file beside the output until the output is written.

    The first line identifies the sweep; each other line is [index, [numbers], error]. An incomplete last line is
    ignored.

    Raises:
        ConfigError: the file belongs to another sweep, or is not a checkpoint.
    """

    def __init__(self, output: Path, grid: Grid):
        self.path = output.with_name(output.name + ".part")
        self.table = SweepTable(grid)
        sweep = hashlib.sha256(json.dumps(grid.to_dict(), sort_keys=True).encode()).hexdigest()
        self._header = json.dumps({"sweep": sweep}).encode() + b"\n"

    def __enter__(self) -> Checkpoint:
        valid_bytes = self._read() if self.path.exists() else 0
        self._file = self.path.open("r+b" if valid_bytes else "wb")
        self._file.truncate(valid_bytes)
        self._file.seek(valid_bytes)
        if not valid_bytes:
            self._file.write(self._header)
            self._file.flush()
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        self._file.close()
        if kind is None:
            self.path.unlink()

    def add(self, chunk: Chunk, result: ChunkResult) -> None:
        """Adds the result of a chunk to the table and to the file."""
        self.table.add(chunk, result)
        for i, index in enumerate(chunk.indices):
            self._write([index, result.values[i].tolist(), result.errors.get(i)])
        self._file.flush()

    def _write(self, entry: object) -> None:
        self._file.write(json.dumps(entry).encode() + b"\n")

    def _read(self) -> int:
        """Reads the file into the table; returns the length of its complete lines in bytes."""
        with self.path.open("rb") as file:
            first = file.readline()
            if first != self._header and self._header.startswith(first):  # the process ended before the first result
                return 0
            valid_bytes = len(first)
            try:
                if json.loads(first)["sweep"] != json.loads(self._header)["sweep"]:
                    raise ConfigError(
                        "output", str(self.path), "it belongs to another sweep: finish that one, or delete the file"
                    )
                for line in file:
                    if line.endswith(b"\n"):
                        index, values, error = json.loads(line)
                        self.table.values[:, index] = values
                        self.table.done[index] = True
                        if error is not None:
                            self.table.errors[index] = error
                        valid_bytes += len(line)
            except (KeyError, IndexError, TypeError, json.JSONDecodeError, UnicodeDecodeError):
                raise ConfigError("output", str(self.path), "it is not the checkpoint of a sweep: delete it") from None
        return valid_bytes
