"""TypeScript's expressions as Python's."""

from __future__ import annotations

import ast
from typing import Any

from pypedream_dagster.importers.sources.cdk.functions import Closure, Functions
from pypedream_dagster.importers.sources.cdk.tokens import Token, UntoldError, tokens

_LEVELS: dict[str, int] = {"??": 1, "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5}
_LEVELS |= dict.fromkeys(("==", "===", "!=", "!=="), 6)
_LEVELS |= dict.fromkeys(("<", ">", "<=", ">=", "instanceof", "in"), 7)
_LEVELS |= {"+": 9, "-": 9, "*": 10, "/": 10, "%": 10, "**": 11}
_COMPARED: dict[str, type[ast.cmpop]] = {
    "==": ast.Eq,
    "===": ast.Eq,
    "!=": ast.NotEq,
    "!==": ast.NotEq,
    "<": ast.Lt,
    ">": ast.Gt,
    "<=": ast.LtE,
    ">=": ast.GtE,
    "in": ast.In,
}
_COUNTED: dict[str, type[ast.operator]] = {
    "+": ast.Add,
    "-": ast.Sub,
    "*": ast.Mult,
    "/": ast.Div,
    "%": ast.Mod,
    "**": ast.Pow,
    "|": ast.BitOr,
    "^": ast.BitXor,
    "&": ast.BitAnd,
}
_CONSTANTS: dict[str, Any] = {"null": None, "undefined": None, "true": True, "false": False}


class Expressions(Functions):
    """Reads expressions."""

    def expression(self) -> ast.expr:
        """Return an expression."""
        return self.assignment()

    def assignment(self) -> ast.expr:
        """Return an expression that stands alone between commas."""
        token = self.token
        if (function := self.arrow()) is not None:
            return function
        left = self._choice()
        if not isinstance(left, ast.Name | ast.Attribute | ast.Subscript) or self.token.kind != "sign":
            return left
        sign = self.token.text
        made: Any = None
        if sign == "=":
            self.take()
            made = ast.NamedExpr(left, self.assignment())  # type: ignore[arg-type]
        elif sign in {"??=", "||=", "&&="}:
            self.take()
            made = ast.NamedExpr(left, self.at_line(ast.BoolOp(ast.Or(), [left, self.assignment()]), token))  # type: ignore[arg-type]
        elif sign[-1] == "=" and sign[:-1] in _COUNTED:
            self.take()
            counted = ast.BinOp(left, _COUNTED[sign[:-1]](), self.assignment())
            made = ast.NamedExpr(left, self.at_line(counted, token))  # type: ignore[arg-type]
        return left if made is None else self.at_line(made, token)

    def _choice(self) -> ast.expr:
        token = self.token
        test = self._binary(1)
        if not self.takes("?"):
            return test
        body = self.assignment()
        self.needs(":")
        return self.at_line(ast.IfExp(test, body, self.assignment()), token)

    def _binary(self, lowest: int) -> ast.expr:
        token = self.token
        left = self._unary()
        while True:
            if self.sees("as", "satisfies") and not self.token.breaks:
                self.take()
                if not self.takes("const"):
                    self.passes_type()
                continue
            sign = self.token.text if self.token.kind in {"sign", "name"} else ""
            level = _LEVELS.get(sign, 0)
            if level < lowest or not level:
                return left
            self.take()
            right = self._binary(level if sign == "**" else level + 1)
            left = self.at_line(self._joined(sign, left, right), token)

    def _joined(self, sign: str, left: ast.expr, right: ast.expr) -> ast.expr:
        if sign in {"??", "||"}:
            return ast.BoolOp(ast.Or(), [left, right])
        if sign == "&&":
            return ast.BoolOp(ast.And(), [left, right])
        if sign in _COUNTED:
            return ast.BinOp(left, _COUNTED[sign](), right)
        return ast.Compare(left, [_COMPARED.get(sign, ast.Is)()], [right])

    def _unary(self) -> ast.expr:
        token = self.token
        if self.takes("!"):
            return self.at_line(ast.UnaryOp(ast.Not(), self._unary()), token)
        if self.takes("-"):
            return self.at_line(ast.UnaryOp(ast.USub(), self._unary()), token)
        if token.kind == "sign" and self.takes("+", "~", "++", "--"):
            return self._unary()
        if self.sees("await", "void", "delete", "typeof") and self.ahead().text not in {",", ")", ";", ":", "="}:
            self.take()
            return self._unary()
        if self.sees("<"):
            self.passes_group()
            return self._unary()
        return self._after(self._new() if self.sees("new") else self._primary())

    def _new(self) -> ast.expr:
        token = self.take()
        callee = self._new() if self.sees("new") else self.called()
        if self.sees("<"):
            self.passes_group()
        given = self._given() if self.sees("(") else []
        return self.at_line(ast.Call(callee, given, []), token)

    def called(self) -> ast.expr:
        """Return what ``new`` makes one of, or a class extends."""
        found = self._primary()
        while self.takes("."):
            member = self.take()
            found = self.at_line(ast.Attribute(found, member.text, ast.Load()), member)
        return found

    def _after(self, found: ast.expr) -> ast.expr:
        """Return an expression with the members, items and calls that follow it."""
        while True:
            token = self.token
            if self.takes("."):
                member = self.take()
                found = self.at_line(ast.Attribute(found, member.text.lstrip("#"), ast.Load()), member)
            elif self.takes("?."):
                if self.token.kind == "name":
                    found = self.at_line(ast.Attribute(found, self.take().text, ast.Load()), token)
            elif self.takes("["):
                key = self.expression()
                self.needs("]")
                found = self.at_line(ast.Subscript(found, key, ast.Load()), token)
            elif self.sees("("):
                found = self.at_line(ast.Call(found, self._given(), []), token)
            elif self.sees("<") and (end := self.type_arguments_end()) is not None:
                self.at = end
            elif token.kind == "template":
                found = self._primary()
            elif (self.sees("!") and not token.breaks) or (self.sees("++", "--") and not token.breaks):
                self.take()
            else:
                return found

    def _given(self) -> list[ast.expr]:
        self.needs("(")
        return self._list(")")

    def _list(self, closing: str) -> list[ast.expr]:
        found: list[ast.expr] = []
        while not self.takes(closing):
            token = self.token
            if self.takes(","):
                continue
            if self.takes("..."):
                found.append(self.at_line(ast.Starred(self.assignment(), ast.Load()), token))
            else:
                found.append(self.assignment())
            if not self.takes(",") and not self.sees(closing):
                raise UntoldError(f"line {self.token.line}: {closing!r} is missing")
        return found

    def _primary(self) -> ast.expr:
        token = self.take()
        match token.kind, token.text:
            case "text", text:
                return self.constant(text, token)
            case "number", text:
                return self.constant(_number(text), token)
            case "template", _:
                return self._template(token)
            case "sign", "(":
                found = self.expression()
                while self.takes(","):
                    found = self.expression()
                self.needs(")")
                return found
            case "sign", "[":
                return self.at_line(ast.List(self._list("]"), ast.Load()), token)
            case "sign", "{":
                return self._object(token)
            case "name", "function" | "async":
                self.takes("function")
                self.takes("*")
                if self.token.kind == "name":
                    self.take()
                return self._function_value(token)
            case "name", "super":
                base = self.at_line(ast.Call(self.name("super", token), [], []), token)
                return self.at_line(ast.Attribute(base, "__init__", ast.Load()), token) if self.sees("(") else base
            case "name", text if text in _CONSTANTS:
                return self.constant(_CONSTANTS[text], token)
            case "name", text if text not in {"class", "import"} or self.sees("."):
                return self.name(text.lstrip("#"), token)
        raise UntoldError(f"line {token.line}: {token.text!r}")

    def _function_value(self, token: Token) -> ast.expr:
        made = Closure()
        definition = self.function_from(token, "function", method=False)
        if definition is None:
            raise UntoldError(f"line {token.line}: a function without a body")
        made.definition = definition
        return self.at_line(made, token)

    def _template(self, token: Token) -> ast.expr:
        values: list[ast.expr] = []
        for part in token.parts:
            if isinstance(part, str):
                values.append(self.constant(part, token))
            else:
                code, line = part
                inner = type(self)(list(tokens(code, line))).expression()
                values.append(self.at_line(ast.FormattedValue(inner, -1, None), token))
        return self.at_line(ast.JoinedStr(values), token)

    def _object(self, token: Token) -> ast.expr:
        keys: list[ast.expr | None] = []
        values: list[ast.expr] = []
        while not self.takes("}"):
            if self.takes("..."):
                keys.append(None)
                values.append(self.assignment())
            else:
                key, value = self._field()
                if value is not None:
                    keys.append(key)
                    values.append(value)
            if not self.takes(",") and not self.sees("}"):
                raise UntoldError(f"line {self.token.line}: an object that does not close")
        return self.at_line(ast.Dict(keys, values), token)

    def _field(self) -> tuple[ast.expr, ast.expr | None]:
        while self.sees("async", "get", "set", "*") and self.ahead().text not in {":", ",", "(", "}"}:
            self.take()
        token = self.take()
        key: ast.expr = self.constant(token.text, token)
        if token.kind == "sign" and token.text == "[":
            key = self.expression()
            self.needs("]")
        if self.sees("<"):
            self.passes_group()
        if self.sees("("):
            definition = self.function_from(token, token.text, method=False)
            if definition is None:
                return key, None
            made = Closure()
            made.definition = definition
            return key, self.at_line(made, token)
        return key, self.assignment() if self.takes(":") else self.name(token.text, token)


def _number(text: str) -> int | float:
    plain = text.replace("_", "").rstrip("n")
    try:
        return int(plain, 0)
    except ValueError:
        try:
            return float(plain)
        except ValueError:
            return 0
