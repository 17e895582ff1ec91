"""Laws of every section of the Lecture as a browser shows it."""

from tests.support.layout import INVALID_FORMULAS

# Letters in a line of prose, by the height at which they stand; those of formulas are not counted.
LINES = """() => [...document.querySelectorAll(".st-key-lecture [data-testid=stMarkdownContainer] p")].flatMap(p => {
  const lines = {}, walker = document.createTreeWalker(p, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, range = document.createRange();
    if (node.parentElement.closest(".katex-mathml")) continue;
    for (let i = 0; i < node.length; i++) {
      range.setStart(node, i);
      range.setEnd(node, i + 1);
      const box = range.getBoundingClientRect();
      if (box.width && !node.parentElement.closest(".katex"))
        lines[Math.round(box.bottom)] = (lines[Math.round(box.bottom)] || 0) + 1;
    }
  }
  return Object.values(lines);
})"""


def check_section(page):
    """Its lines are short, nothing runs off sideways, charts have words, and formulas are MathML."""
    assert page.locator("[data-testid=stMain]").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    page.wait_for_function(f"() => Math.max(...({LINES})()) <= 75")
    assert all(chart.get_attribute("aria-label") for chart in page.locator("[data-testid=stPlotlyChart]").all())
    assert page.locator(".katex").count() == page.locator(".katex .katex-mathml math").count()
    assert page.evaluate(INVALID_FORMULAS) == []
