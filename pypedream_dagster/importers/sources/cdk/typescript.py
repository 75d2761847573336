"""TypeScript as a syntax tree of Python's: what a program makes, not every detail of the language.

A program is walked by what walks Python (:mod:`importers.sources.airflow`); ``this`` is ``self`` there, ``new`` a call,
an object a dictionary.
"""

from __future__ import annotations

import ast
from typing import Any

from pypedream_dagster.importers.sources.cdk.declarations import Declarations
from pypedream_dagster.importers.sources.cdk.tokens import UntoldError, tokens

_PASSED_OVER = {"interface", "type", "declare", "namespace", "module"}


def parsed_typescript(code: str) -> ast.Module:
    """Return a file's statements; one that is not understood is left out.

    Raises:
        UntoldError: a string in it does not close.
    """
    return ast.Module(body=Statements(list(tokens(code))).all(), type_ignores=[])


class Statements(Declarations):
    """Reads statements."""

    def all(self) -> list[ast.stmt]:
        """Return the statements up to the end."""
        found: list[ast.stmt] = []
        while self.token.kind != "end":
            found += self.guarded()
        return found

    def guarded(self) -> list[ast.stmt]:
        """Return a statement; of one that is not understood, nothing.

        Raises:
            UntoldError: there is none any more.
        """
        start = self.at
        if self.token.kind == "end":
            raise UntoldError("code that does not end")
        try:
            found = self.statement()
        except UntoldError:
            self.passes_statement(start)
            return []
        if self.at == start:
            self.take()
        return found

    def passes_statement(self, start: int) -> None:
        """Go to where the statement after this one begins, as far as brackets tell; to the end, if none closes."""
        self.at = start
        try:
            self.take()
            while self.token.kind != "end":
                if self.sees("{", "(", "["):
                    braces = self.sees("{")
                    self.passes_group()
                    if braces and self.token.breaks:
                        return
                elif self.takes(";") or self.sees("}"):
                    return
                else:
                    self.take()
        except UntoldError:
            self.at = len(self.tokens) - 1

    def block(self) -> list[ast.stmt]:
        """Return the statements in braces, or the one that stands without."""
        if not self.takes("{"):
            return self.statement() or [self.at_line(ast.Pass(), self.token)]
        found: list[ast.stmt] = []
        while not self.takes("}"):
            if self.token.kind == "end":
                raise UntoldError(f"line {self.token.line}: a block that does not close")
            found += self.guarded()
        return found or [self.at_line(ast.Pass(), self.token)]

    def statement(self) -> list[ast.stmt]:
        """Return a statement as Python's, or several."""
        token = self.token
        while self.takes("export", "default"):
            pass
        while self.sees("@"):
            self.passes_decorator()
        if self.sees("{"):
            return self.block()
        if token.kind == "sign" and self.takes(";"):
            return []
        name = self.token.text if self.token.kind == "name" else ""
        if name in _PASSED_OVER and self.ahead().kind == "name":
            return self.passed_over()
        if name == "enum" or (name == "const" and self.ahead().text == "enum"):
            return self.enum()
        match name:
            case "import":
                return self.imports()
            case "const" | "let" | "var":
                self.take()
                found = self.bindings()
                self.takes(";")
                return found
            case "class" | "abstract":
                return [self.class_()]
            case "function" | "async" if name == "function" or self.ahead().text == "function":
                return [self.function()]
            case "if":
                return [self._if()]
            case "for":
                return self._for()
            case "while":
                self.take()
                test = self._in_brackets()
                return [self.at_line(ast.While(test, self.block(), []), token)]
            case "try":
                return self._try()
            case "switch":
                return self._switch()
            case "return":
                return [self._return()]
            case "throw":
                self.take()
                self.expression()
                self.takes(";")
                return [self.at_line(ast.Raise(), token)]
            case "break" | "continue":
                self.take()
                self.takes(";")
                leaves: ast.stmt = ast.Break() if name == "break" else ast.Continue()
                return [self.at_line(leaves, token)]
        return self._expression_statement()

    def _expression_statement(self) -> list[ast.stmt]:
        token = self.token
        found = self.expression()
        self.takes(";")
        if isinstance(found, ast.NamedExpr):  # x = 1, and no more
            return [self.at_line(ast.Assign([found.target], found.value), token)]
        return [self.at_line(ast.Expr(found), token)]

    def _return(self) -> ast.stmt:
        token = self.take()
        value = None if self.token.breaks or self.sees(";", "}") else self.expression()
        self.takes(";")
        return self.at_line(ast.Return(value), token)

    def _in_brackets(self) -> ast.expr:
        self.needs("(")
        found = self.expression()
        self.needs(")")
        return found

    def _if(self) -> ast.stmt:
        token = self.take()
        test = self._in_brackets()
        body = self.block()
        orelse: list[ast.stmt] = self.block() if self.takes("else") else []
        return self.at_line(ast.If(test, body, orelse), token)

    def _for(self) -> list[ast.stmt]:
        token = self.take()
        self.takes("await")
        self.needs("(")
        if self.takes("const", "let", "var"):
            pattern = self.pattern()
            if self.takes(":"):
                self.passes_type()
            if self.sees("of", "in"):
                self.take()
                iterated = self.expression()
                self.needs(")")
                item = self.name(f"item at {token.line}", token)
                target = pattern if isinstance(pattern, ast.Name) else item
                body = [*([] if target is pattern else self.bound(pattern, item, token)), *self.block()]
                loop: Any = ast.For(target, iterated, body, [])
                return [self.at_line(loop, token)]
        # for (;;): counted, its body walked once
        depth = 1
        while depth and self.token.kind != "end":
            text = self.take().text
            depth += {"(": 1, ")": -1}.get(text, 0)
        return self.block()

    def _try(self) -> list[ast.stmt]:
        self.take()
        found = self.block()
        if self.takes("catch"):
            if self.sees("("):
                self.passes_group()
            self.block()
        if self.takes("finally"):
            found += self.block()
        return found

    def _switch(self) -> list[ast.stmt]:
        token = self.take()
        subject = self._in_brackets()
        self.needs("{")
        tests: list[ast.expr] = []
        cases: list[tuple[list[ast.expr], list[ast.stmt]]] = []
        while not self.takes("}"):
            if self.takes("case"):
                tests.append(self.at_line(ast.Compare(subject, [ast.Eq()], [self.expression()]), token))
                self.needs(":")
            elif self.takes("default"):
                self.needs(":")
                tests.append(self.constant(True, token))
            else:
                body: list[ast.stmt] = []
                while not self.sees("case", "default", "}"):
                    body += self.guarded()
                cases.append((tests, [s for s in body if not isinstance(s, ast.Break)]))
                tests = []
        found: list[ast.stmt] = []
        for tested, body in reversed(cases):
            test = tested[0] if len(tested) == 1 else self.at_line(ast.BoolOp(ast.Or(), tested), token)
            found = [self.at_line(ast.If(test, body or [self.at_line(ast.Pass(), token)], found), token)]
        return found
