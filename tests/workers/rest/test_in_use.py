"""Which secrets count as used."""

from workers.backends.rest.auth.in_use import InUse


def test_what_is_used_again_and_again_stays_whatever_else_comes() -> None:
    in_use = InUse(beside=50)
    for number in range(20):
        in_use.add(*(f"cookie-{number}-{each}" for each in range(50)), "token", "password")
        assert {"token", "password", f"cookie-{number}-0"} <= set(in_use.values)
        assert len(in_use.values) <= 114


def test_the_values_are_the_same_object_as_long_as_they_are_the_same() -> None:
    in_use = InUse()
    in_use.add("a", "b", "")
    before = in_use.values
    in_use.add("b", "a")
    assert in_use.values is before
    in_use.add("c")
    assert set(in_use.values) == {"a", "b", "c"}
