import pytest

from service.breaker import Breaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(clock: Clock) -> Breaker:
    breaker = Breaker(threshold=2, pause_s=10, clock=clock)
    breaker.fail()
    breaker.fail()
    return breaker


def test_it_opens_after_failures_in_a_row(opened: Breaker) -> None:
    assert not opened.admit()


def test_a_success_starts_the_count_anew(clock: Clock) -> None:
    breaker = Breaker(threshold=2, clock=clock)
    breaker.fail()
    breaker.succeed()
    breaker.fail()

    assert breaker.admit()


def test_one_trial_is_let_through_after_the_pause(opened: Breaker, clock: Clock) -> None:
    clock.now = 10

    assert [opened.admit(), opened.admit()] == [True, False]


def test_a_trial_that_works_closes_it(opened: Breaker, clock: Clock) -> None:
    clock.now = 10
    opened.admit()
    opened.succeed()

    assert [opened.admit(), opened.admit()] == [True, True]


def test_a_trial_that_fails_begins_the_next_pause(opened: Breaker, clock: Clock) -> None:
    clock.now = 10
    opened.admit()
    opened.fail()
    clock.now = 19
    is_early = opened.admit()
    clock.now = 20

    assert (is_early, opened.admit()) == (False, True)


def test_a_trial_without_result_lets_the_next_one_try(opened: Breaker, clock: Clock) -> None:
    clock.now = 10
    opened.admit()
    opened.release()

    assert opened.admit()
