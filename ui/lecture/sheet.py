"""A sheet with one exercise and a sheet with its solution: HTML that prints on one page each and loads nothing."""

from __future__ import annotations

from html import escape

import numpy as np
from latex2mathml.converter import convert

from core.exercise import Solution, solve, update
from core.families.activations import ACTIVATIONS
from core.lecture.instances import Instance
from ui.charts.style import number
from ui.lecture import drawing
from ui.lecture.formulas import tex
from ui.lecture.symbols import WEIGHTS, D, E, Factor, O, Symbol, chain, net01, product, x, y

STYLE = """
@page { size: A4; margin: 14mm 16mm; }
body { font: 11pt/1.4 system-ui, sans-serif; color: #0d1620; max-width: 178mm; margin: 0 auto; padding: 4mm; }
h1 { font-size: 16pt; margin: 0 0 2mm; }
h2 { font-size: 11.5pt; margin: 3.5mm 0 1mm; }
p { margin: 1mm 0; }
svg { display: block; width: 112mm; height: 52mm; margin: 1mm auto; }
.given { display: flex; gap: 8mm; align-items: center; }
table { border-collapse: collapse; margin: 1mm 0; }
th, td { border-bottom: .3mm solid #b8c3cc; padding: .6mm 2.2mm; text-align: right; }
.lines { display: grid; grid-template-columns: 1fr 1fr; gap: 0 8mm; }
.line { border-bottom: .3mm solid #7b8894; height: 17mm; display: flex; align-items: end; }
.work { height: 28mm; }
.compact .line { height: auto; border: 0; padding: .4mm 0; }
footer { color: #55626e; font-size: 9pt; margin-top: 3mm; }
math { font-size: 1.05em; }
@media print { body { padding: 0; } }
"""


def exercise_sheet(instance: Instance) -> str:
    """The sheet of an exercise, with room for six answers."""
    hidden = ACTIVATIONS[instance.activation].label.lower()
    answers = "".join(f'<div class="line">{_math(Factor(E, weight).latex + "=")}</div>' for weight in WEIGHTS)
    body = (
        f"<p>Two inputs, two hidden units ({hidden}), one output (sigmoid), no biases. {_math(_ERROR)}, "
        f"{_math('N = ' + str(len(instance.d)))}.</p>"
        + _given(instance)
        + "<h2>a) Forward</h2><p>Compute for each sample net inputs, hidden outputs and output; then the error.</p>"
        + f'<div class="line work">{_math(r"E =")}</div>'
        + "<h2>b) Backward</h2><p>Write each gradient as a sum over the samples of a product of factors, then compute "
        f"it.</p><div class='lines'>{answers}</div>"
        + f"<h2>c) One step</h2><p>Take one step of gradient descent with the learning rate {_math(_RATE)}. "
        "Does the error fall?</p>"
        '<div class="line work"></div>'
    )
    return _document(f"Exercise {instance.number}: the chain rule by hand", body)


def solution_sheet(instance: Instance) -> str:
    """The sheet of its solution: every value of the forward pass, every factor, every gradient, and one step."""
    s = instance.solution
    samples = (instance.x, instance.d)
    activation = instance.activation
    after = update(instance.w01, instance.w12, *samples, 1, activation=activation)
    error_after = solve(*after, *samples, activation=activation).error
    slope = r"y_{nj}\,(1 - y_{nj})" if instance.activation == "sigmoid" else r"1 - y_{nj}^2"
    forward = [*((net01(j).latex, s.net01[:, j - 1]) for j in (1, 2)), *((y(j).latex, s.y[:, j - 1]) for j in (1, 2)),
               (r"\mathit{net}_{n1}^{(1,2)}", s.net12), (O.latex, s.o), (D.latex, instance.d)]  # fmt: skip
    backward = [(r"\tfrac{2}{N}(o_n - d_n)", s.dE_do), (r"o_n\,(1 - o_n)", s.do_dnet12),
                *((Factor(O, y(j)).latex, s.do_dy[:, j - 1]) for j in (1, 2)),
                *((Factor(y(j), net01(j)).latex, s.dy_dnet01[:, j - 1]) for j in (1, 2))]  # fmt: skip
    gradients = "".join(f'<div class="line">{_math(_gradient(w, instance, s))}</div>' for w in WEIGHTS)
    body = (
        _given(instance)
        + "<h2>a) Forward</h2>" + _table(forward)
        + f"<p>{_math(_ERROR + ' = ' + tex(s.error, 5))}</p>"
        + f"<h2>b) Backward</h2><p>The slope of a hidden unit is {_math(slope)}.</p>" + _table(backward)
        + f'<div class="compact">{gradients}</div>'
        + "<h2>c) One step</h2>"
        f"<p>With {_math(_RATE)} the error goes from {_math(tex(s.error, 5))} to {_math(tex(error_after, 5))}: "
        f"it {'falls' if error_after < s.error else 'rises'}.</p>"
    )  # fmt: skip
    return _document(f"Solution of exercise {instance.number}", body)


_RATE = r"\eta = 1"
_ERROR = r"E = \tfrac{1}{N} \sum_{n} (o_n - d_n)^2"


def number_factors(weight: Symbol, x: np.ndarray, s: Solution) -> tuple[np.ndarray, float]:
    """The numbers of a chain, (samples, factors), and the gradient that they add up to."""
    if weight.layers == "0,1":
        i, j = (index - 1 for index in weight.indices)
        return np.stack([s.dE_do, s.do_dy[:, j], s.dy_dnet01[:, j], x[:, i]], axis=1), float(s.grad_w01[i, j])
    j = weight.indices[0] - 1
    return np.stack([s.dE_do, s.do_dnet12, s.y[:, j]], axis=1), float(s.grad_w12[j])


def _gradient(weight: Symbol, instance: Instance, s: Solution) -> str:
    """A gradient as a sum of products of numbers, one product a sample."""
    factors, total = number_factors(weight, instance.x, s)
    if len(factors) > 2:  # four samples in numbers do not fit on a line
        terms = product(link.inline for link in chain(weight))
        return rf"{Factor(E, weight).inline} = \sum_n {terms} = {tex(total, 4)}"
    terms = " + ".join(product(f"({tex(v)})" if v < 0 else tex(v) for v in map(float, row)) for row in factors)
    return rf"{Factor(E, weight).latex} = {terms} = {tex(total, 4)}"


def _given(instance: Instance) -> str:
    samples = _table([(x(1).latex, instance.x[:, 0]), (x(2).latex, instance.x[:, 1]), (D.latex, instance.d)])
    return f'<div class="given"><div>{_drawing(instance)}</div><div>{samples}</div></div>'


def _drawing(instance: Instance) -> str:
    """The network as SVG, with its weights in numbers."""
    width = 420
    height = 195
    weights = np.concatenate([instance.w01.ravel(), instance.w12])
    spots = [(px * width, py * height) for px, py in drawing.PLACES]
    lines = "".join(
        f'<line x1="{spots[a][0]:.0f}" y1="{spots[a][1]:.0f}" x2="{spots[b][0]:.0f}" y2="{spots[b][1]:.0f}" '
        'stroke="#55626e" stroke-width="1.3"/>'
        for a, b in drawing.EDGES
    )
    labels = [_math(symbol.latex) for symbol in (x(1), x(2), y(1), y(2), O)]
    nodes = "".join(
        f'<circle cx="{px:.0f}" cy="{py:.0f}" r="21" fill="#fff" stroke="#0b6e69" stroke-width="1.6"/>'
        f'<foreignObject x="{px - 21:.0f}" y="{py - 13:.0f}" width="42" height="26"><div '
        f'xmlns="http://www.w3.org/1999/xhtml" style="text-align:center;font-size:13px">{label}</div></foreignObject>'
        for (px, py), label in zip(spots[:5], labels, strict=True)
    )
    numbers = "".join(
        f'<rect x="{px - 19:.0f}" y="{py - 10:.0f}" width="38" height="20" fill="#fff"/>'
        f'<text x="{px:.0f}" y="{py + 5:.0f}" text-anchor="middle" font-size="13">{number(float(weight), 4)}</text>'
        for (px, py), weight in zip(spots[5:], weights, strict=True)
    )
    words = ", ".join(f"{symbol.spoken} is {weight:g}" for symbol, weight in zip(WEIGHTS, weights, strict=True))
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="The network: {escape(words)}.">'
        f"{lines}{nodes}{numbers}</svg>"
    )


def _table(columns: list[tuple[str, np.ndarray]]) -> str:
    """A column a quantity, headed by its formula, and a row a sample."""
    head = "".join(f"<th>{_math(latex)}</th>" for latex, _ in columns)
    rows = "".join(
        f"<tr><td>{n}</td>"
        + "".join(f"<td>{_math(tex(float(values[n - 1]), 4))}</td>" for _, values in columns)
        + "</tr>"
        for n in range(1, len(columns[0][1]) + 1)
    )
    return f"<table><thead><tr><th>{_math('n')}</th>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _math(latex: str) -> str:
    return convert(latex)


def _document(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>{body}"
        "<footer>Gradient Flow Lab, Lecture, exercises by number: the same number gives the same exercise to everyone."
        "</footer></body></html>"
    )
