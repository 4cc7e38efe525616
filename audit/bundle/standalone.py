"""The verifier as one file, ``verify.py``, and what starts it when Python is given the zip file itself."""

import ast
import builtins
import hashlib
from functools import cache
from importlib.resources import files

PACKAGE = "audit.bundle.verifier"
MODULES = (
    "curve",
    "hashing",
    "signing",
    "container",
    "members",
    "folder",
    "archive",
    "lines",
    "findings",
    "facts",
    "checks",
    "program",
)
"""The parts of the verifier; each uses only those before it."""

_HEADING = '''#!/usr/bin/env python3
"""Checks an evidence bundle of Understudy. It needs Python 3.8 or newer, and nothing else.

    python3 -I -S verify.py [FILE.zip] [--key NAME+ID+BASE64] [--checkpoint FILE]

It exits 0 if the bundle is as it was signed, and 1 if not; then it says what is wrong, and where.
"""

import sys

# Python looks for modules beside its program first, and what lies beside this one is what is to be checked.
if __name__ == "__main__" and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    sys.path[:] = [place for place in sys.path if place not in ("", ".", sys.path[0])]

'''
_ENDING = '\n\nif __name__ == "__main__":\n    sys.exit(main(sys.argv[1:]))\n'
# A changed bit of either file is found by the other one. No comment and no text of several lines: a changed
# bit must not make a statement part of one.
_STARTER = """import hashlib, sys, zipfile
try:
    with zipfile.ZipFile(sys.argv[0]) as bundle: code = bundle.read("verify.py")
except Exception as error: sys.exit("FAILED  %s: use another copy of verify.py to see where" % error)
if hashlib.sha256(code).hexdigest() == "{digest}": exec(compile(code, "verify.py", "exec"))
sys.exit("FAILED  verify.py or __main__.py is not what it was: use another copy of verify.py")
"""


@cache
def verifier() -> bytes:
    """``verify.py``: the modules of the verifier, one after the other."""
    imports: dict[str, set[str]] = {}
    bodies: list[str] = []
    for name in MODULES:
        source = files(PACKAGE).joinpath(f"{name}.py").read_text(encoding="utf-8")
        bodies.append(f"# --- {name}\n\n" + _take_apart(source, imports))
    plain = sorted(name for name, taken in imports.items() if not taken)
    taken = sorted((name, ", ".join(sorted(names))) for name, names in imports.items() if names)
    lines = [f"import {name}\n" for name in plain] + [f"from {name} import {names}\n" for name, names in taken]
    return (_HEADING + "".join(lines) + "\n\n" + "\n\n\n".join(bodies) + _ENDING).encode()


def starter() -> bytes:
    """``__main__.py``: runs ``verify.py`` out of the zip file, if it is whole; only that ends well."""
    return _STARTER.format(digest=hashlib.sha256(verifier()).hexdigest()).encode()


def _take_apart(source: str, imports: dict[str, set[str]]) -> str:
    """Notes what a module imports from the standard library; returns what comes after its imports."""
    last = 0
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                imports.setdefault(alias.name, set())
            last = node.end_lineno or last
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module != "__future__" and not module.startswith(PACKAGE):
                imports.setdefault(module, set()).update(alias.name for alias in node.names)
            last = node.end_lineno or last
    return b"".join(_quote_annotations(source)[last:]).decode().strip("\n")


def _quote_annotations(source: str) -> list[bytes]:
    """The lines of a module, its annotations as texts where Python 3.8 could not evaluate them.

    ``from __future__ import annotations`` would do that, but it has to come before the path is mended, and Python
    looks for ``__future__`` on the path, too.
    """
    lines = [line.encode() for line in source.splitlines(keepends=True)]
    for one in sorted(_annotations(ast.parse(source)), key=lambda one: (one.lineno, one.col_offset), reverse=True):
        if isinstance(one, ast.Constant) or (isinstance(one, ast.Name) and hasattr(builtins, one.id)):
            continue
        line, text = lines[one.lineno - 1], ast.unparse(one)
        assert one.end_lineno == one.lineno, "an annotation of the verifier has several lines"
        lines[one.lineno - 1] = line[: one.col_offset] + f"{text!r}".encode() + line[one.end_col_offset :]
    return lines


def _annotations(module: ast.Module) -> list[ast.expr]:
    found: list[ast.expr | None] = []
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            found.append(node.returns)
        elif isinstance(node, ast.arg | ast.AnnAssign):
            found.append(node.annotation)
    return [one for one in found if one is not None]
