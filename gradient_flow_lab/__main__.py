"""The command `gradient-flow-lab`: serves the dashboard, trains one network, or runs a sweep."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import core.sweep
from core import ConfigError, Trace, __version__, diagnose, train
from core.export import from_json

PACKAGE = Path(core.__file__).resolve().parents[1]  # home.py lies beside core, in the checkout and in the wheel
COMMANDS = ("serve", "train", "sweep")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns its exit status; without a command, serves the dashboard."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] not in (*COMMANDS, "-h", "--help", "--version"):
        arguments = ["serve", *arguments]
    parser = argparse.ArgumentParser(prog="gradient-flow-lab", description=__doc__)
    parser.add_argument("--version", action="version", version=f"gradient-flow-lab {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve the dashboard (also without a command)")
    serve.add_argument("--port", type=int, default=8501, help="default: 8501")
    serve.add_argument("--address", default="localhost", help="address to listen on; default: localhost")
    serve.add_argument("--headless", action="store_true", help="do not open a browser")
    serve.add_argument(
        "--scenes", type=Path, metavar="FILE", help="scenes to present: a JSON file, or a folder of some"
    )
    trains = commands.add_parser("train", help="train one network and print its gradient norms by layer")
    trains.add_argument("config", type=Path, help="JSON with fields of RunConfig, as the dashboard saves it")
    trains.add_argument("--csv", type=Path, metavar="FILE", help="also write every row of the trace, step by layer")
    sweeps = commands.add_parser("sweep", help="train a network for every combination of settings")
    sweeps.add_argument("spec", help="JSON: an object with base, axes and seeds")
    sweeps.add_argument("output", help="a file that ends in .csv or .parquet")
    options = parser.parse_args(arguments)
    if options.command == "sweep":
        return core.sweep.main([options.spec, options.output])
    if options.command == "train":
        return _train(options.config, options.csv)
    return _serve(options.port, options.address, options.headless, options.scenes)


def _serve(port: int, address: str, headless: bool, scenes: Path | None) -> int:
    from streamlit.web import cli  # only here: the other commands start without the server

    from core.compiled.preparation import prepare
    from ui.runtime.limits import SCENES
    from ui.scenes import read_folder

    if scenes is not None:
        try:
            read_folder(scenes)
        except ConfigError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        os.environ[SCENES] = str(scenes.resolve())
    prepare()
    flags = [f"--server.port={port}", f"--server.address={address}", f"--server.headless={str(headless).lower()}"]
    return cli.main(["run", str(PACKAGE / "home.py"), *flags], standalone_mode=False) or 0


def _train(path: Path, csv: Path | None) -> int:
    """Trains the network of a JSON file; a table of its layers goes to the standard output."""
    try:
        config = from_json(path.read_bytes())
        [trace] = train([config], on_progress=_print_progress)
        if csv is not None:
            trace.to_frame().to_csv(csv, index=False)
    except (ConfigError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted.\n")
        return 130
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    sys.stdout.write(_report(trace))
    return 0


def _print_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        filled = round(30 * done / total)
        sys.stderr.write(f"\r[{'#' * filled}{'.' * (30 - filled)}] {done / total:4.0%}")
        sys.stderr.flush()


def _report(trace: Trace) -> str:
    """A table of the layers at the first and the last recorded step, and the verdict."""
    last = trace.last_row
    lines = [f"{'layer':>5}  {'gradient norm, step 0':>22}  {f'step {trace.step[last]}':>12}  {'dead units':>10}"]
    for layer in range(trace.layers):
        first_norm = trace.grad_norm[0, layer]
        last_norm = trace.grad_norm[last, layer]
        lines.append(f"{layer + 1:>5}  {first_norm:>22.4g}  {last_norm:>12.4g}  {trace.dead[last, layer]:>10.0%}")
    diagnosis = diagnose(trace)
    lines += [f"loss {trace.loss[0]:.4g} to {trace.loss[last]:.4g}", f"{diagnosis.verdict}: {diagnosis.sentence}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
