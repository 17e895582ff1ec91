"""Parts that a page draws and offers, noted while its script runs: charts by key, tables, files and the sheet."""

from dataclasses import dataclass, field

import plotly.io

from ui import panels, sharing


@dataclass
class Parts:
    """Of the last run of a page's script.

    Attributes:
        charts: by key, of `panels.show`.
        frames: tables by key, of `panels.table`.
        numbers: makers of charts by label, of `panels.tables`.
        files: what makes each file, by name; a file that trains first has its preparation beside.
        sheet: (title, lines, chart) of the sheet to print, or None.
    """

    charts: dict = field(default_factory=dict)
    frames: dict = field(default_factory=dict)
    numbers: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    sheet: tuple | None = None


def watch_parts(patch, dark=True):
    """Notes the parts of every page that runs from now on, in a theme that is not the one that charts have by default.

    The menu to share is drawn on the page itself, as if it were open.
    """
    parts = Parts()
    show, table, tables, download = panels.show, panels.table, panels.tables, panels.download

    def noted_show(chart, key, *arguments, **options):
        parts.charts[key] = chart
        show(chart, key, *arguments, **options)

    def noted_table(frame, **options):
        parts.frames[options.get("key")] = frame
        table(frame, **options)

    def noted_tables(charts, key, **options):
        parts.numbers = dict(charts)
        tables(charts, key, **options)

    def noted_download(label, write, name, mime, prepare=None):
        parts.files[name] = (write, prepare) if prepare else write
        download(label, write, name, mime, prepare)

    def open_menu(page, read_query, more, handout=None):
        parts.sheet = handout("https://example.org/")() if handout else None
        more()

    patch.setattr(panels, "show", noted_show)
    patch.setattr(panels, "table", noted_table)
    patch.setattr(panels, "tables", noted_tables)
    patch.setattr(panels, "download", noted_download)
    patch.setattr(panels, "dark", lambda: dark)
    patch.setattr(sharing, "draw_menu", open_menu)
    patch.setattr(sharing, "make_handout", lambda title, lines, chart, address: (title, lines, chart))
    return parts


def sent(chart):
    """All that a browser gets of a chart."""
    return plotly.io.to_json(chart.raw_figure, validate=False), chart.alt
