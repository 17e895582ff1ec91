"""The objects that a first page loads are left out of the collections of garbage that follow each run."""

import gc

from ui.runtime.services import freeze_first_page


def is_collected(thing):
    """Returns whether a collection walks through this object."""
    return any(other is thing for other in gc.get_objects())


def test_collections_leave_out_what_the_first_page_has_loaded_and_nothing_that_comes_later():
    freeze_first_page.cache_clear()
    loaded = [[]]
    assert is_collected(loaded)
    freeze_first_page()
    later = [[]]
    freeze_first_page()
    assert not is_collected(loaded)
    assert is_collected(later)
