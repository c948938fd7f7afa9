"""BM25 over names, words and parameters of tools (Robertson & Zaragoza, "The Probabilistic Relevance Framework", 2009).

Each field counts by itself, a name most. What a word is worth for a tool is worked out when the index is made, in whole
numbers: so that a search is a few additions, and two edges come to the same order.
"""

import math
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from edge.discovery.words import STOP_WORDS, stem, words

_WEIGHTS = (6.0, 2.0, 1.0)
"""Of name; title and description; parameters."""
_LENGTH_COUNTS = (0.2, 0.6, 0.5)
"""BM25's b, for each of them."""
_SATURATION = 1.2
"""BM25's k1."""
_SCALE = 10_000
_QUERY_CHARS_MAX = 2_000
_QUERY_WORDS_MAX = 16
_PREFIX_CHARS_MIN = 3
_PREFIXED_MAX = 50
"""Longer words that one word of a query stands for, too."""
_STOPS = frozenset(map(stem, STOP_WORDS))

Fields = tuple[dict[str, int], dict[str, int], dict[str, int]]
"""How often each word is there: in the name, in title and description, in the parameters."""


def fields(name: str, said: str, parameters: str) -> Fields:
    """A tool as the index takes it."""
    return Counter(words(name)), Counter(words(said)), Counter(words(parameters))


class Index:
    """Made once, and never changed. Documents are numbered in the order in which they came."""

    def __init__(self, size: int, postings: "dict[str, tuple[array[int], array[int]]]") -> None:
        self._size = size
        self._postings = postings
        self._vocabulary = sorted(postings)

    def ranked(self, query: str) -> list[int]:
        """Numbers of documents that have a word of the query, the best first; of equal ones the first first. Never raises,
        whatever the query is."""
        size = self._size
        scores = [0] * size
        for word in _asked(query):
            for number, worth in self._worth(word).items():
                scores[number] += worth
        # One number stands for score and document: those are compared much faster than pairs.
        order = sorted(number - score * size for number, score in enumerate(scores) if score)
        return [place % size for place in order]

    def _worth(self, word: str) -> dict[int, int]:
        """What documents are worth for a word of a query; for one that it begins, half."""
        exact = self._postings.get(word)
        found = dict(zip(*exact, strict=True)) if exact is not None else {}
        for longer in self._prefixed(word):
            numbers, worths = self._postings[longer]
            for number, worth in zip(numbers, worths, strict=True):
                if worth >> 1 > found.get(number, 0):
                    found[number] = worth >> 1
        return found

    def _prefixed(self, word: str) -> Iterable[str]:
        if len(word) < _PREFIX_CHARS_MIN:
            return ()
        begin = bisect_left(self._vocabulary, word)
        some = self._vocabulary[begin : begin + _PREFIXED_MAX + 1]
        return [longer for longer in some if longer != word and longer.startswith(word)]


def building(documents: Sequence[Fields]) -> Iterator[Index | None]:
    """Make an index in steps: None after each, the index at last."""
    averages = [
        max(sum(sum(fields[field].values()) for fields in documents) / max(len(documents), 1), 1) for field in range(3)
    ]
    postings: dict[str, tuple[array[int], array[float]]] = {}
    for number, each in enumerate(documents):
        for word, worth in _worths(each, averages).items():
            numbers, worths = postings.setdefault(word, (array("I"), array("d")))
            numbers.append(number)
            worths.append(worth)
        yield None
    weighed: dict[str, tuple[array[int], array[int]]] = {}
    for word, (numbers, worths) in postings.items():
        rarity = math.log(1 + (len(documents) - len(numbers) + 0.5) / (len(numbers) + 0.5))
        weighed[word] = (numbers, array("I", [max(1, round(_SCALE * rarity * worth)) for worth in worths]))
        yield None
    yield Index(len(documents), weighed)


def _worths(each: Fields, averages: Sequence[float]) -> dict[str, float]:
    """Words of a document, and what they are worth in it, but for how rare they are."""
    found: dict[str, float] = {}
    for counts, weight, counting, average in zip(each, _WEIGHTS, _LENGTH_COUNTS, averages, strict=True):
        length = 1 - counting + counting * sum(counts.values()) / average
        for word, often in counts.items():
            found[word] = found.get(word, 0.0) + weight * often / (often + _SATURATION * length)
    return found


def _asked(query: str) -> list[str]:
    """The words to look for."""
    found = list(dict.fromkeys(words(query[:_QUERY_CHARS_MAX])))
    telling = [word for word in found if word not in _STOPS]
    return (telling or found)[:_QUERY_WORDS_MAX]
