"""Settings of all tests: examples that repeat, and a switch that counts a skipped test as a failure."""

import pytest
from hypothesis import settings

# The same examples every time, and no deadline: a test that fails on a busy machine only says that it was busy.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


def pytest_addoption(parser):
    parser.addoption("--no-skips", action="store_true", help="count a skipped test or module as a failure")


def _fail_if_skipped(report, config):
    # An expected failure is reported as skipped too, but it did run.
    if report.skipped and config.getoption("--no-skips") and not hasattr(report, "wasxfail"):
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"--no-skips: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return _fail_if_skipped((yield), item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _fail_if_skipped((yield), collector.config)
