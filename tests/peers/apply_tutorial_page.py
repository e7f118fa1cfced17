"""Changes an application as docs/move-from-the-fastapi-tutorial.md says.

`apply_tutorial_page.py PAGE SOURCE LAST_STEP` prints the source after the steps up to LAST_STEP. A code block replaces the
statements that define the same names, and other statements of a block are added at the top; the names that the step
"Delete" lists are deleted.
"""

import ast
import re
import sys
from pathlib import Path


def names_of(statement: ast.stmt) -> set[str]:
    """The names that a top-level statement defines."""
    match statement:
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
    return set()


def replace(module: ast.Module, block: str) -> None:
    for statement in reversed(ast.parse(block).body):
        names = names_of(statement)
        if not names:
            module.body.insert(0, statement)
            continue
        [place] = [at for at, other in enumerate(module.body) if names_of(other) == names]
        module.body[place] = statement


class WithoutEntry(ast.NodeTransformer):
    """Deletes the entries of dictionaries that have this key."""

    def __init__(self, key: str) -> None:
        self.key = key

    def visit_Dict(self, node: ast.Dict) -> ast.Dict:
        self.generic_visit(node)
        kept = [
            (key, value)
            for key, value in zip(node.keys, node.values)
            if not (isinstance(key, ast.Constant) and key.value == self.key)
        ]
        node.keys, node.values = [key for key, _ in kept], [value for _, value in kept]
        return node


def delete(module: ast.Module, step: str) -> None:
    paragraph = step.split("\n\n")[1]
    for name in re.findall(r"`([^`]+)`", paragraph.split(" Only `")[0]):
        if name.startswith('"'):
            WithoutEntry(ast.literal_eval(name)).visit(module)
        elif name.isidentifier():
            module.body = [statement for statement in module.body if name not in names_of(statement)]


page, source, last_step = Path(sys.argv[1]).read_text(), Path(sys.argv[2]).read_text(), int(sys.argv[3])
module = ast.parse(source)
for step in re.split(r"^## (?=\d)", page, flags=re.MULTILINE)[1:]:
    if int(step.split(".")[0]) > last_step:
        break
    step = re.split(r"^## ", step, flags=re.MULTILINE)[0]
    if "Delete" in step.splitlines()[0]:
        delete(module, step)
    for block in re.findall(r"^```python\n(.*?)^```", step, flags=re.MULTILINE | re.DOTALL):
        replace(module, block)
print(ast.unparse(module))
