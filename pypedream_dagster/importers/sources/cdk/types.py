"""What TypeScript says of types, passed over: it says nothing of what a program does."""

from __future__ import annotations

from collections.abc import Sequence

from pypedream_dagster.importers.sources.cdk.tokens import Token, UntoldError

_OPENING = {"(": ")", "[": "]", "{": "}", "<": ">"}
_CLOSING = frozenset(_OPENING.values())
_BEFORE_TYPE = {"keyof", "typeof", "readonly", "unique", "infer", "asserts", "new", "abstract"}
_MOST_TYPE_TOKENS = 400


class Cursor:
    """A place in a sequence of tokens."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    @property
    def token(self) -> Token:
        """The next token."""
        return self.tokens[min(self.at, len(self.tokens) - 1)]

    def ahead(self, count: int = 1) -> Token:
        """Return a later token."""
        return self.tokens[min(self.at + count, len(self.tokens) - 1)]

    def take(self) -> Token:
        """Go on by one token, and return it.

        Raises:
            UntoldError: the end was passed already.
        """
        if self.at >= len(self.tokens):
            raise UntoldError("code that does not end")
        token = self.token
        self.at += 1
        return token

    def sees(self, *texts: str) -> bool:
        """Tell whether the next token is one of these signs or names."""
        return self.token.kind in {"sign", "name"} and self.token.text in texts

    def takes(self, *texts: str) -> bool:
        """Go on if the next token is one of these."""
        if self.sees(*texts):
            self.at += 1
            return True
        return False

    def needs(self, text: str) -> Token:
        """Go on over this token.

        Raises:
            UntoldError: it is another.
        """
        if not self.sees(text):
            raise UntoldError(f"line {self.token.line}: {self.token.text!r} in place of {text!r}")
        return self.take()

    def passes_group(self) -> None:
        """Go on over brackets and all that is in them."""
        closing = [_OPENING[self.take().text]]
        while closing:
            token = self.take()
            if token.kind == "end":
                raise UntoldError(f"line {token.line}: brackets that do not close")
            if token.kind != "sign":
                continue
            if token.text == closing[-1]:
                closing.pop()
            elif token.text in _OPENING and (token.text != "<" or closing[-1] == ">"):
                closing.append(_OPENING[token.text])

    def passes_type(self) -> None:
        """Go on over a type."""
        self.takes("|", "&")
        while True:
            self._passes_one_type()
            if self.takes("|", "&", "is"):
                continue
            if self.sees("extends") and not self.token.breaks:
                self.take()
                continue
            if self.sees("?") and self._is_conditional():
                self.take()
                self.passes_type()
                self.needs(":")
                continue
            return

    def _is_conditional(self) -> bool:
        return any(token.text == "extends" for token in self.tokens[max(0, self.at - 12) : self.at])

    def _passes_one_type(self) -> None:
        while self.sees(*_BEFORE_TYPE) and self.ahead().text not in {",", ")", ";", "=", "}"}:
            self.take()
        if self.sees("("):
            self.passes_group()
            if self.takes("=>"):
                self.passes_type()
                return
        elif self.sees("{", "["):
            self.passes_group()
        elif self.sees("<"):
            self.passes_group()
            self._passes_one_type()
            return
        elif self.takes("-") or self.token.kind in {"name", "text", "number", "template"}:
            self.take()
        else:
            raise UntoldError(f"line {self.token.line}: no type")
        while True:
            if self.sees("."):
                self.at += 2
            elif self.sees("<", "["):
                self.passes_group()
            else:
                return

    def type_arguments_end(self) -> int | None:
        """Return where type arguments end that stand before a call's brackets; None if these are none."""
        start = self.at
        try:
            self.passes_group()
            fits = self.sees("(") and self.at - start < _MOST_TYPE_TOKENS
            return self.at if fits else None
        except UntoldError:
            return None
        finally:
            self.at = start
