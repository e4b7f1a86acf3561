"""Processes of this machine: answers in order, errors as they were raised, and nobody waits for one that was killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time

import pytest

from curate.errors import CurateError, UnreadablePicture
from curate.workers import Processes, spread

TWO = 128.0  # pictures: enough for two processes


def slowest_first(number: int) -> int:
    time.sleep(0.1 if number % 4 == 0 else 0)
    return number


def killed_within_its_answer(after: float) -> bytes:
    killer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGKILL))
    killer.daemon = True
    killer.start()
    return bytes(50_000_000)


def refused(number: int) -> int:
    raise UnreadablePicture("the picture has no bytes", found=str(number))


def refused_with_a_lock(number: int) -> int:
    error = ValueError("of its own kind")
    error.lock = threading.Lock()  # type: ignore[attr-defined]
    raise error


def unlike_a_picture(number: int) -> object:
    return threading.Lock() if number else open  # the first cannot be handed over


def test_answers_come_in_the_order_of_the_items() -> None:
    assert list(Processes(2).spread(slowest_first, range(20), pictures=TWO)) == list(range(20))
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("after", [0.05, 0.15, 0.3])
def test_who_is_killed_within_an_answer_is_heard_of(after: float) -> None:
    with pytest.raises(CurateError, match="was killed from outside"):
        for _ in Processes(2).spread(killed_within_its_answer, [after] * 200, pictures=TWO):
            pass  # nearly all of its time goes to answers, and it has more of them to give than it lives
    assert not multiprocessing.active_children()


def test_an_error_is_raised_as_it_was_with_the_place_where_it_was() -> None:
    with pytest.raises(UnreadablePicture, match="no bytes") as told:
        list(spread(refused, [1, 2, 3], workers=2))
    assert "in refused" in "".join(told.value.__notes__)


def test_an_error_that_cannot_be_handed_over_is_told() -> None:
    with pytest.raises(RuntimeError, match="of its own kind"):
        list(spread(refused_with_a_lock, [1, 2], workers=2))
    with pytest.raises(SystemExit):
        list(spread(sys.exit, [4, 4], workers=2))


def test_who_is_killed_while_nothing_is_asked_is_heard_of() -> None:
    with Processes(2).kept(TWO) as two:
        assert list(two.spread(slowest_first, range(8), pictures=TWO)) == list(range(8))
        for process in multiprocessing.active_children():
            process.kill()
            process.join()
        with pytest.raises(CurateError, match="was killed from outside"):
            list(two.spread(slowest_first, range(8), pictures=TWO))


def test_an_answer_that_cannot_be_handed_over_is_an_error() -> None:
    with pytest.raises(TypeError, match="lock"):
        list(spread(unlike_a_picture, [1, 1], workers=2))


def test_who_wants_no_more_leaves_nobody_behind() -> None:
    answers = spread(slowest_first, range(1_000), workers=2)
    assert next(answers) == 0
    answers.close()
    assert not multiprocessing.active_children()
