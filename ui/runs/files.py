"""The recordings of a visit: an example, or an uploaded file that is read in a slot of the queue."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from core import ConfigError, Diagnosis, diagnose
from core.diagnosis.recordings import read_and_diagnose
from core.recordings import Recording
from core.recordings.examples import EXAMPLES, load_example
from core.recordings.reading import MAX_BYTES
from core.recordings.tensorboard import is_event_file
from ui.controls.kept_files import draw_uploader
from ui.runtime import jobs, limits
from ui.runtime.progress import ProgressReporter
from ui.runtime.services import services

FORMATS = (
    "JSON lines, CSV or Parquet from the recorder (also gzipped), TensorBoard event files, Lightning’s metrics.csv, a "
    "Weights & Biases export, or a table of step, layer and gradient norm."
)
NONE = "none"


@dataclass(frozen=True, eq=False, kw_only=True)
class Shown:
    """A recording on the page.

    Attributes:
        recording, diagnosis: the run and its verdict.
        label: its name on the page.
        claim: the model, in a sentence; empty for a visitor's own.
        example: a key of EXAMPLES, or "" for a file.
    """

    recording: Recording
    diagnosis: Diagnosis
    label: str
    claim: str = ""
    example: str = ""


def draw_upload(label: str, key: str) -> tuple[bytes, str] | None:
    """Draws the field for a file, or for the event files of one TensorBoard run; returns their bytes and a name.

    Raises:
        ConfigError: it is larger than this server allows, or there are several files of another format.
    """
    max_bytes = limits.value("MAX_UPLOAD")
    files = draw_uploader(
        label,
        key,
        several=True,
        help=f"{FORMATS} Several event files of one run count as one. Files stay in memory and are removed after your "
        "visit.",
    )
    if not files:
        return None
    parts = [file.getvalue() for file in sorted(files, key=lambda file: file.name)]
    size = sum(map(len, parts))
    if size > max_bytes:
        raise ConfigError("recording", f"{size:,} bytes", f"this server allows {max_bytes:,} bytes")
    if len(parts) > 1 and not all(map(is_event_file, parts)):
        words = "several files are read as one run only where all are TensorBoard event files; a second run goes below"
        raise ConfigError("recording", f"{len(parts)} files", words)
    return b"".join(parts), files[0].name


def get_example(name: str) -> Shown:
    """One of the examples."""

    def make() -> tuple[Recording, Diagnosis]:
        recording = load_example(name)
        return recording, diagnose(recording)

    recording, diagnosis = services().recordings.get_or_compute(("example", name), make, jobs.noop)
    example = EXAMPLES[name]
    return Shown(recording=recording, diagnosis=diagnosis, label=example.label, claim=example.claim, example=name)


def get_file(raw: bytes, name: str, reporter: ProgressReporter) -> Shown:
    """The recording of a file: from the cache, or read now in turn with other visitors.

    Raises:
        ConfigError: as `read_recording`.
    """
    max_bytes = min(10 * limits.value("MAX_UPLOAD"), MAX_BYTES)  # of what it unpacks to

    def make() -> tuple[Recording, Diagnosis]:
        return jobs.read_in_turn(read_and_diagnose, raw, reporter=reporter, name=name, max_bytes=max_bytes)

    key = (sha256(raw).hexdigest(), name)
    recording, diagnosis = services().recordings.get_or_compute(key, make, reporter.on_shared)
    return Shown(recording=recording, diagnosis=diagnosis, label=name)
