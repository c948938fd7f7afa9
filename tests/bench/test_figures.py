"""Percentiles, medians and noise of the bench."""

import pytest

from bench.figures import Figures, percentile


@pytest.mark.parametrize(("share", "wanted"), [(0.0, 1.0), (0.5, 51.0), (0.99, 100.0), (1.0, 100.0)])
def test_a_percentile_is_a_value_that_was_measured(share: float, wanted: float) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], share) == wanted


def test_a_percentile_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_one_odd_round_does_not_move_the_median_but_shows_as_noise() -> None:
    figures = Figures()
    for value in (100.0, 102.0, 180.0):
        figures.add("load", value)
    assert figures.median("load") == 102.0
    assert figures.noise("load") == pytest.approx(40 / 102)


def test_a_single_round_has_no_noise_to_tell_of() -> None:
    figures = Figures()
    figures.add("start", 2.0)
    assert figures.noise("start") is None


def test_a_figure_that_was_not_measured_is_not_taken_for_zero() -> None:
    with pytest.raises(KeyError, match="hop"):
        Figures().median("hop")
