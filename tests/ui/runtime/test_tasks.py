"""Tasks in the background: one for each key, begun once, and forgotten when they have ended."""

import threading

from ui.runtime.tasks import TaskRegistry


def test_a_task_is_begun_once_for_each_key_and_again_after_it_was_removed():
    tasks = TaskRegistry()
    begun = []

    def start():
        begun.append(len(begun))
        return begun[-1]

    assert [tasks.get_or_start(key, start) for key in ("a", "b", "a", "b")] == [0, 1, 0, 1]
    assert "a" in tasks and "c" not in tasks
    for _ in range(2):  # the second finds nothing, as where two pages note the end of one task
        tasks.remove("a")
    assert "a" not in tasks and "b" in tasks
    assert tasks.get_or_start("a", start) == 2 and tasks.get_or_start("b", start) == 1


def test_two_who_come_at_once_get_one_task():
    tasks = TaskRegistry()
    inside, enough = threading.Event(), threading.Event()
    got = []

    def start():
        inside.set()
        assert enough.wait(20)
        return object()

    first = threading.Thread(target=lambda: got.append(tasks.get_or_start("a", start)))
    second = threading.Thread(target=lambda: got.append(tasks.get_or_start("a", object)))
    first.start()
    assert inside.wait(20)
    second.start()
    enough.set()
    first.join(20)
    second.join(20)
    assert len(got) == 2 and got[0] is got[1]
