"""The questions of an import, each asked once, and what was answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from pypedream_dagster.importers.answers import Answers, key_of
from pypedream_dagster.importers.finding import CHOICES, Question, QuestionKind
from pypedream_dagster.importers.inference.places import STORED
from pypedream_dagster.importers.survey import Where
from pypedream_dagster.masking.mask import is_secret, learn


class Asking:
    """Asks questions: an answer settles one, else it stays open.

    Args:
        answers: what people answered.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._open: dict[str, Question] = {}
        self._answered: dict[str, str] = {}

    @property
    def questions(self) -> tuple[Question, ...]:
        """Those that are open, by kind and subject."""
        return tuple(sorted(self._open.values(), key=lambda question: (question.kind, question.about)))

    @property
    def answered(self) -> dict[str, str]:
        """Answers that settled a question, by its kind and what it is about."""
        return dict(sorted(self._answered.items()))

    def ask(
        self,
        kind: QuestionKind,
        about: str,
        text: str,
        *,
        choices: Sequence[str] = (),
        node: str = "",
        at: Sequence[Where] = (),
    ) -> str | None:
        """Ask, and return the answer; None if there is none."""
        question = Question(kind, about, text, tuple(choices) or CHOICES.get(kind, ()), node, tuple(at))
        answer = self._answers.of(question)
        if answer is None:
            self._open.setdefault(question.id, question)
        else:
            self._settle(question, answer)
        return answer

    def known(self, kind: QuestionKind, about: str) -> str | None:
        """Return an answer to what need not be asked if there is one; None if there is none."""
        question = Question(kind, about, "", CHOICES.get(kind, ()))
        answer = self._answers.of(question)
        if answer is not None:
            self._settle(question, answer)
        return answer

    def _settle(self, question: Question, answer: str) -> None:
        # A secret is taken, and kept in no file: whoever imports again has to give it again.
        if question.kind != "parameter" or not is_secret(question.about, answer):
            self._answered[key_of(question)] = answer


class Values(Mapping[str, str]):
    """Values of parameters: as answered, else as a variables file says, else as the sources declare.

    Args:
        asking: knows the answers.
        variables: of a variables file.
        declared: by the sources.
        stored: gives what stands in a file that scripts load.
    """

    def __init__(
        self,
        asking: Asking,
        variables: Mapping[str, str],
        declared: Mapping[str, str],
        stored: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._asking = asking
        self._stored = stored
        self._known = {**declared, **variables}
        learn(self._known)

    def __getitem__(self, name: str) -> str:
        if name.startswith(STORED):
            found = self._stored(name.removeprefix(STORED))
            if found is None:
                raise KeyError(name)
            return found
        answer = self._asking.known("parameter", name)
        if answer is not None:
            learn({name: answer})
        return self._known[name] if answer is None else answer

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
