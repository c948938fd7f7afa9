"""Classes of callers: which pattern counts, whatever the order of the file."""

from itertools import permutations

import pytest

from edge.identities.caller_classes import CallerClasses

CLASSES = {
    "trusted": ("laptop", "ci-*"),
    "partner": ("ci-partner-*", "https://chatgpt.com/*"),
    "blocked": ("ci-partner-7",),
    "none": (),
}


@pytest.mark.parametrize(
    ("caller_id", "expected"),
    [
        ("laptop", "trusted"),
        ("laptop2", "untrusted"),
        ("ci-", "trusted"),
        ("ci-9", "trusted"),
        ("ci-partner-8", "partner"),
        ("ci-partner-7", "blocked"),
        ("ci-partner-77", "partner"),
        ("https://chatgpt.com/oauth/client.json", "partner"),
        ("", "untrusted"),
        ("LAPTOP", "untrusted"),
    ],
)
def test_an_exact_pattern_counts_first_and_of_prefixes_the_longest(caller_id: str, expected: str) -> None:
    for order in permutations(CLASSES):
        assert CallerClasses({name: CLASSES[name] for name in order}).of(caller_id) == expected


def test_a_star_alone_is_for_everybody_whom_nothing_else_names() -> None:
    classes = CallerClasses({"all": ("*",), "trusted": ("laptop",)})
    assert (classes.of("laptop"), classes.of("x"), classes.of("")) == ("trusted", "all", "all")


def test_without_patterns_everybody_is_untrusted() -> None:
    assert CallerClasses({}).of("laptop") == "untrusted"
