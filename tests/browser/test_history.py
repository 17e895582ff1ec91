"""Back and Forward in a real Chromium: one action is one entry, and each restores what the visitor chose, exactly."""

import pytest

VERDICT = ".st-key-verdict h2"
ELSEWHERE = "_stcore/health"  # a page of the server that is none of the dashboard's
ACTIVATION = ".st-key-activation [data-testid=stSelectbox] input"


def choose(page, label, option):
    page.get_by_role("combobox", name=label, exact=True).first.click()
    page.get_by_role("option", name=option, exact=True).click()


def wait_for_query(page, text):
    page.wait_for_function("(text) => location.search.includes(text)", arg=text)


@pytest.fixture
def entries(page, server, settled):
    """Does some actions on the Lab, then a switch of the page; returns what each of them left on the screen."""
    page.goto(f"{server}/{ELSEWHERE}")
    page.goto(f"{server}/?steps=20")
    seen = []

    def look():
        settled(page)
        page.wait_for_selector(VERDICT)
        seen.append((page.url, page.locator(ACTIVATION).first.input_value(), page.locator(VERDICT).inner_text()))

    look()
    choose(page, "Activation", "tanh")
    wait_for_query(page, "activation=tanh")
    look()
    choose(page, "Start from", "Dead ReLUs")  # eight settings at once
    wait_for_query(page, "optimizer=adam")
    look()
    page.locator(".st-key-init_scale input").fill("1.3")
    page.locator(".st-key-init_scale input").press("Enter")
    wait_for_query(page, "init_scale=1.3")
    look()
    page.get_by_role("radio", name="weight gradient").click()
    wait_for_query(page, "quantity=grad_norm")
    look()
    return seen


@pytest.mark.slow
def test_back_and_forward_restore_every_state_that_was_chosen_and_no_other(page, server, settled, entries):
    page.get_by_role("link", name="Papers").click()
    page.wait_for_selector("h1:has-text('Papers'), .st-key-paper")
    settled(page)

    def check(expected):
        page.wait_for_url(expected[0])
        settled(page)
        page.wait_for_function(
            "([key, value, selector, words]) => document.querySelector(key)?.value === value && "
            "document.querySelector(selector)?.innerText === words",
            arg=[ACTIVATION, expected[1], VERDICT, expected[2]],
        )

    for expected in entries[::-1]:
        page.go_back(wait_until="commit")
        check(expected)
    for expected in entries[1:]:
        page.go_forward(wait_until="commit")
        check(expected)
    for expected in entries[-2::-1]:
        page.go_back(wait_until="commit")
        check(expected)
    page.go_back(wait_until="commit")
    page.wait_for_url(f"{server}/{ELSEWHERE}")


@pytest.mark.parametrize(
    "opened, shown",
    [
        ("?s=A3C4T20", "/?activation=relu&depth=4&steps=20"),
        ("?activation=nonsense&depth=4.0&steps=20", "/?depth=4&steps=20"),
    ],
)
def test_a_page_that_writes_its_own_address_anew_is_still_one_entry(page, server, settled, opened, shown):
    page.goto(f"{server}/{ELSEWHERE}")
    page.goto(f"{server}/{opened}")
    page.wait_for_url(f"{server}{shown}")
    page.wait_for_selector(VERDICT)
    settled(page)
    page.go_back(wait_until="commit")
    page.wait_for_url(f"{server}/{ELSEWHERE}")
