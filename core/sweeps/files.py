"""A sweep's files: what is asked for, what is done so far, and the table at the end."""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from ..errors import ConfigError
from .chunks import Chunk, Rows
from .grid import Grid
from .table import Table

KINDS = (".csv", ".parquet")


def read_spec(path: Path) -> Grid:
    """The sweep that a JSON file asks for.

    Raises:
        ConfigError: no JSON, or no sweep.
        OSError: the file cannot be read.
    """
    try:
        mapping = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:  # broken JSON, or bytes that are no text
        raise ConfigError("spec", str(path), f"it must be a JSON file ({error})") from None
    return Grid.from_dict(mapping)


def check_output(path: Path) -> None:
    """Refuses, before anything runs, a file that could not be written at the end.

    Raises:
        ConfigError: another ending, Parquet without pyarrow, or no such folder.
    """
    if path.suffix not in KINDS:
        raise ConfigError("output", str(path), "its name must end in " + " or ".join(KINDS))
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise ConfigError("output", str(path), "Parquet needs pyarrow, which is not installed; write .csv instead")
    if not path.absolute().parent.is_dir():
        raise ConfigError("output", str(path), "its folder must exist")
    if path.is_dir():
        raise ConfigError("output", str(path), "it is a folder")


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with hidden shapes as text such as "64,32,16", so that any file can hold them."""
    if "hidden" not in frame:
        return frame
    return frame.assign(hidden=[",".join(map(str, widths)) for widths in frame["hidden"]])


def to_parquet(frame: pd.DataFrame) -> bytes:
    """The table as a Parquet file."""
    return flat(frame).to_parquet(index=False)


def write(frame: pd.DataFrame, path: Path) -> None:
    """The table as CSV or Parquet, by the file's ending; the file is there whole or not at all."""
    draft = path.with_name(path.name + ".draft")
    if path.suffix == ".parquet":
        draft.write_bytes(to_parquet(frame))
    else:
        flat(frame).to_csv(draft, index=False)
    draft.replace(path)


class Checkpoint:
    """What is done of a sweep, kept in a file beside the output until that is written.

    The first line says which sweep it is; each other one is [place, [numbers], error]. A last line that was cut short
    is passed over.

    Raises:
        ConfigError: the file belongs to another sweep, or is none of a sweep.
    """

    def __init__(self, output: Path, grid: Grid):
        self.path = output.with_name(output.name + ".part")
        self.table = Table(grid)
        sweep = hashlib.sha256(json.dumps(grid.to_dict(), sort_keys=True).encode()).hexdigest()
        self._first = json.dumps({"sweep": sweep}).encode() + b"\n"

    def __enter__(self) -> Checkpoint:
        integer = self._read() if self.path.exists() else 0
        self._file = self.path.open("r+b" if integer else "wb")
        self._file.truncate(integer)
        self._file.seek(integer)
        if not integer:
            self._file.write(self._first)
            self._file.flush()
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        self._file.close()
        if kind is None:
            self.path.unlink()

    def add(self, chunk: Chunk, rows: Rows) -> None:
        """Keeps what a chunk found."""
        self.table.add(chunk, rows)
        for i, locate in enumerate(chunk.places):
            self._write([locate, rows.values[i].tolist(), rows.errors.get(i)])
        self._file.flush()

    def _write(self, entry: object) -> None:
        self._file.write(json.dumps(entry).encode() + b"\n")

    def _read(self) -> int:
        """Reads what was kept; the bytes of it that are whole."""
        with self.path.open("rb") as file:
            first = file.readline()
            if first != self._first and self._first.startswith(first):  # it ended before it kept anything
                return 0
            integer = len(first)
            try:
                if json.loads(first)["sweep"] != json.loads(self._first)["sweep"]:
                    raise ConfigError("output", str(self.path), "it is of another sweep: finish that one, or delete it")
                for line in file:
                    if line.endswith(b"\n"):
                        locate, values, error = json.loads(line)
                        self.table.values[:, locate] = values
                        self.table.done[locate] = True
                        if error is not None:
                            self.table.errors[locate] = error
                        integer += len(line)
            except (KeyError, IndexError, TypeError, json.JSONDecodeError, UnicodeDecodeError):
                raise ConfigError("output", str(self.path), "it holds no sweep to go on with: delete it") from None
        return integer
