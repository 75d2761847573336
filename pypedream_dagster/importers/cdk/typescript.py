"""TypeScript as a syntax tree of Python's: what a program makes, not every detail of the language.

A program is walked by what walks Python (:mod:`importers.airflow`); ``this`` is ``self`` there, ``new`` a call, an
object a dictionary.
"""

from __future__ import annotations

import ast
from typing import Any

from pypedream_dagster.importers.cdk.expressions import Expressions
from pypedream_dagster.importers.cdk.tokens import Token, UntoldError, tokens

_MODIFIERS = {"public", "private", "protected", "readonly", "static", "abstract", "override", "declare", "async"}
_MODIFIERS |= {"accessor", "get", "set"}
_PASSED_OVER = {"interface", "type", "declare", "namespace", "module"}


def parsed_typescript(code: str) -> ast.Module:
    """Return a file's statements; one that is not understood is left out.

    Raises:
        UntoldError: its brackets or strings do not close.
    """
    return ast.Module(body=Statements(list(tokens(code))).all(), type_ignores=[])


class Statements(Expressions):
    """Reads statements."""

    def all(self) -> list[ast.stmt]:
        """Return the statements up to the end."""
        found: list[ast.stmt] = []
        while self.token.kind != "end":
            found += self.guarded()
        return found

    def guarded(self) -> list[ast.stmt]:
        """Return a statement; of one that is not understood, nothing."""
        start = self.at
        try:
            found = self.statement()
        except UntoldError:
            self._passes_statement(start)
            return []
        if self.at == start:
            self.take()
        return found

    def _passes_statement(self, start: int) -> None:
        """Go to where the statement after this one begins, as far as brackets tell."""
        self.at = start
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
            self._passes_decorator()
        if self.sees("{"):
            return self.block()
        if token.kind == "sign" and self.takes(";"):
            return []
        name = self.token.text if self.token.kind == "name" else ""
        if name in _PASSED_OVER and self.ahead().kind == "name":
            return self._passed_over()
        if name == "enum" or (name == "const" and self.ahead().text == "enum"):
            return self._enum()
        match name:
            case "import":
                return self._import()
            case "const" | "let" | "var":
                self.take()
                found = self._bindings()
                self.takes(";")
                return found
            case "class" | "abstract":
                return [self._class()]
            case "function" | "async" if name == "function" or self.ahead().text == "function":
                return [self._function()]
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

    def _passed_over(self) -> list[ast.stmt]:
        is_type = self.sees("type")
        self.take()
        while not self.sees("{", "=", ";") and self.token.kind != "end":
            self.take()
        if is_type and self.takes("="):
            self.passes_type()
        elif self.sees("{"):
            self.passes_group()
        self.takes(";")
        return []

    def _passes_decorator(self) -> None:
        self.at += 2
        while self.takes("."):
            self.take()
        if self.sees("("):
            self.passes_group()

    def _enum(self) -> list[ast.stmt]:
        token = self.token
        while not self.sees("enum"):
            self.take()
        self.take()
        name = self.take().text
        self.needs("{")
        members: list[ast.stmt] = []
        while not self.takes("}"):
            member = self.take()
            value: ast.expr = self.constant(member.text, member)
            if self.takes("="):
                value = self.assignment()
            members.append(self.at_line(ast.Assign([self.name(member.text, member)], value), member))
            self.takes(",")
        return [self._class_def(name, [], members, token)]

    def _class_def(self, name: str, bases: list[ast.expr], body: list[ast.stmt], token: Token) -> ast.ClassDef:
        made: Any = ast.ClassDef  # what its signature asks for differs from one Python to the next
        defined: ast.ClassDef = made(name=name, bases=bases, keywords=[], body=body, decorator_list=[])
        return self.at_line(defined, token)

    def _import(self) -> list[ast.stmt]:
        token = self.take()
        if self.token.kind == "text":
            self.take()
            return []
        self.takes("type")
        names: list[ast.alias] = []
        whole: list[str] = []
        while not self.sees("from", "=") and self.token.kind != "end":
            if self.takes("*"):
                self.needs("as")
                whole.append(self.take().text)
            elif self.takes("{"):
                names += self._imported_names()
            elif self.token.kind == "name":
                whole.append(self.take().text)
            else:
                self.take()
        if self.takes("="):  # import x = require('y')
            value = self.assignment()
            self.takes(";")
            return [self.at_line(ast.Assign([self.name(name, token)], value), token) for name in whole]
        self.needs("from")
        module = self.take().text
        self.takes(";")
        found: list[ast.stmt] = [
            self.at_line(ast.Import([self.at_line(ast.alias(module, name), token)]), token) for name in whole
        ]
        if names:
            found.append(self.at_line(ast.ImportFrom(module, names, 0), token))
        return found

    def _imported_names(self) -> list[ast.alias]:
        names: list[ast.alias] = []
        while not self.takes("}"):
            if self.sees("type") and self.ahead().kind == "name":
                self.take()
            token = self.take()
            alias = self.take().text if self.takes("as") else None
            names.append(self.at_line(ast.alias(token.text, alias), token))
            if not self.takes(",") and not self.sees("}"):
                raise UntoldError(f"line {token.line}: names to import")
        return names

    def _bindings(self) -> list[ast.stmt]:
        """Return what ``const`` and its like bind."""
        found: list[ast.stmt] = []
        while True:
            token = self.token
            pattern = self.pattern()
            if self.takes("!") or self.sees(":"):
                self.takes(":")
                self.passes_type()
            value = self.assignment() if self.takes("=") else self.constant(None, token)
            found += self.bound(pattern, value, token)
            if not self.takes(","):
                return found

    def _class(self) -> ast.stmt:
        token = self.token
        self.takes("abstract")
        self.needs("class")
        name = self.take().text
        if self.sees("<"):
            self.passes_group()
        bases: list[ast.expr] = []
        if self.takes("extends"):
            bases.append(self.called())
            if self.sees("<"):
                self.passes_group()
        if self.takes("implements"):
            while not self.sees("{"):
                self.take()
        self.needs("{")
        body: list[ast.stmt] = []
        while not self.takes("}"):
            if self.token.kind == "end":
                raise UntoldError(f"line {token.line}: a class that does not close")
            body += self._member()
        return self._class_def(name, bases, body or [self.at_line(ast.Pass(), token)], token)

    def _member(self) -> list[ast.stmt]:
        start = self.at
        try:
            return self._read_member()
        except UntoldError:
            self._passes_statement(start)
            return []

    def _read_member(self) -> list[ast.stmt]:
        while self.sees("@"):
            self._passes_decorator()
        modifiers: set[str] = set()
        while self.sees(*_MODIFIERS) and self.ahead().text not in {"(", "=", ";", ":", "?", "!"}:
            modifiers.add(self.take().text)
        if self.takes(";"):
            return []
        if self.sees("["):  # an index signature
            self._passes_statement(self.at)
            return []
        token = self.take()
        self.takes("?", "!")
        if self.sees("<"):
            self.passes_group()
        if self.sees("("):
            definition = self.function_from(token, "__init__" if token.text == "constructor" else token.text)
            if definition is None:
                return []
            decorators = [name for name in ("staticmethod", "property") if name in {"staticmethod"} & _kinds(modifiers)]
            if "get" in modifiers:
                decorators.append("property")
            definition.decorator_list = [self.name(name, token) for name in decorators]
            if "staticmethod" in decorators:
                definition.args.args = definition.args.args[1:]
            return [definition]
        if self.takes(":"):
            self.passes_type()
        value = self.assignment() if self.takes("=") else None
        self.takes(";")
        if value is None:
            return []
        return [self.at_line(ast.Assign([self.name(token.text, token)], value), token)]

    def _function(self) -> ast.stmt:
        self.takes("async")
        token = self.needs("function")
        self.takes("*")
        name = self.take().text
        if self.sees("<"):
            self.passes_group()
        definition = self.function_from(token, name, method=False)
        if definition is None:
            return self.at_line(ast.Pass(), token)
        return definition

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


def _kinds(modifiers: set[str]) -> set[str]:
    return {"staticmethod"} if "static" in modifiers else set()
