"""How many children a tenant may have: less after runs that cost one, more again after runs that did not."""

from workers.children.shares import Shares


def room_after(*ends: bool, most: int = 8) -> int:
    shares = Shares(most)
    for clean in ends:
        shares.take("ada")
        shares.give_back("ada", clean=clean)
    return shares.room("ada")


def test_a_run_that_ends_its_child_halves_what_its_tenant_may_have_down_to_two() -> None:
    assert [room_after(*[False] * times) for times in range(5)] == [8, 4, 2, 2, 2]
    assert room_after(False, most=1) == 1


def test_each_run_that_leaves_its_child_gives_one_back_up_to_all() -> None:
    assert [room_after(False, False, *[True] * times) for times in range(8)] == [2, 3, 4, 5, 6, 7, 8, 8]


def test_what_is_at_work_takes_room_and_nothing_of_it_is_another_tenants() -> None:
    shares = Shares(8)
    for _ in range(8):
        shares.take("mallory")
    shares.give_back("mallory", clean=False)
    assert (shares.count("mallory"), shares.room("mallory")) == (7, -3)
    assert (shares.count("ada"), shares.room("ada")) == (0, 8)


def test_only_so_many_tenants_are_remembered() -> None:
    shares = Shares(8)
    for number in range(1_500):
        shares.take(f"t{number}")
        shares.give_back(f"t{number}", clean=False)
    assert (shares.room("t0"), shares.room("t1499")) == (8, 4)
