"""What is wrong with a configuration, collected so that the operator sees all of it at once."""

from shared.errors import ConfigurationError


class Findings:
    """Problems in the order in which they were found."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def add(self, text: str) -> None:
        """Note one problem: a sentence or two that name the place and say what to write instead."""
        if text not in self._texts:
            self._texts.append(text)

    def take(self, error: ConfigurationError) -> None:
        """Note what an error says."""
        for text in problems_of(error):
            self.add(text)

    def stop(self) -> None:
        """Raise one ConfigurationError for all of them; nothing happens where there are none."""
        if self._texts:
            raise ConfigurationError("\n".join(self._texts), data={"problems": list(self._texts)})


def problems_of(error: ConfigurationError) -> list[str]:
    """The single problems that an error stands for."""
    problems = (error.data or {}).get("problems")
    return list(problems) if problems else [error.detail]
