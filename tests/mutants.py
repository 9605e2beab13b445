"""Right answers, made wrong mechanically: what a check still lets pass is a hole in it, or the same answer.

``python tests/mutants.py srcnn`` lists the survivors of every right answer in ``tests/test_exercises_srcnn.py``.
A mutant is named by the statement it changed, as it reads now.
"""

import ast
import contextlib
import copy
import importlib
import inspect
import io
import itertools
import signal
import sys
from collections.abc import Iterator

SECONDS = 5.0  #: of its own computing, after which a mutant counts as caught: it does not end
_OTHER = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div],
    ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Div],
    ast.Mod: [ast.FloorDiv],
    ast.Pow: [ast.Mult],
    ast.MatMult: [ast.Mult],
    ast.Lt: [ast.LtE, ast.Gt],
    ast.LtE: [ast.Lt, ast.GtE],
    ast.Gt: [ast.GtE, ast.Lt],
    ast.GtE: [ast.Gt, ast.LtE],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.And: [ast.Or],
    ast.Or: [ast.And],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}


class _Endless(BaseException):
    """A mutant runs for ever."""


def _expressions(node: ast.expr) -> Iterator[ast.expr]:
    """What may stand in an expression's place after one slip."""
    match node:
        case ast.Constant(bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(int() | float()):
            yield from (ast.Constant(v) for v in dict.fromkeys((node.value + 1, node.value - 1, 0)) if v != node.value)
        case ast.BinOp(left, op, right):
            yield from (ast.BinOp(left, other(), right) for other in _OTHER.get(type(op), []))
            yield from (left, right)
            if isinstance(op, ast.Sub | ast.Div | ast.FloorDiv | ast.Mod | ast.Pow | ast.MatMult):
                yield ast.BinOp(right, op, left)
        case ast.BoolOp(op, values):
            yield from (ast.BoolOp(other(), values) for other in _OTHER.get(type(op), []))
            yield from values
        case ast.UnaryOp(ast.USub(), ast.Constant(int())):  # an axis from the end: its sign alone changes nothing
            yield from (ast.UnaryOp(node.op, ast.Constant(node.operand.value + by)) for by in (1, -1))
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.Compare(left, [op], [right]):
            yield from (ast.Compare(left, [other()], [right]) for other in _OTHER.get(type(op), []))
        case ast.Compare(left, [first, second], [middle, right]):
            yield ast.Compare(left, [first], [middle])
            yield ast.Compare(middle, [second], [right])
        case ast.IfExp(test, body, orelse):
            yield from (ast.IfExp(test, orelse, body), body, orelse)
        case ast.Call(func, args, keywords):
            yield from (ast.Call(func, args[:i] + args[i + 1 :], keywords) for i in range(len(args)))
            yield from (ast.Call(func, args, keywords[:i] + keywords[i + 1 :]) for i in range(len(keywords)))
            for i, j in itertools.pairwise(range(len(args))):
                yield ast.Call(func, [*args[:i], args[j], args[i], *args[j + 1 :]], keywords)
            if isinstance(func, ast.Attribute):  # `x.flip(-1)` becomes `x`
                yield func.value
            if args and not isinstance(args[0], ast.Starred | ast.GeneratorExp):  # `abs(x)` becomes `x`
                yield args[0]
            if isinstance(func, ast.Name) and func.id == "range" and not isinstance(args[0], ast.Starred):
                last = ast.BinOp(args[min(1, len(args) - 1)], ast.Sub(), ast.Constant(1))
                yield ast.Call(func, [last] if len(args) == 1 else [args[0], last, *args[2:]], keywords)
        case ast.Slice(lower, upper, step):
            yield from (ast.Slice(*parts) for parts in ((None, upper, step), (lower, None, step), (lower, upper, None)))
        case ast.Subscript(value, _):
            yield value
        case ast.Tuple(elts) | ast.List(elts) if len(elts) > 1 and isinstance(node.ctx, ast.Load):
            for i, j in itertools.pairwise(range(len(elts))):
                yield type(node)([*elts[:i], elts[j], elts[i], *elts[j + 1 :]], node.ctx)


def _statements(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """What may stand in a statement's place."""
    match node:
        case ast.Assign() | ast.AugAssign() | ast.Expr() | ast.Break() | ast.Continue():
            if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                yield [ast.Pass()]
        case ast.If(test, body, orelse):
            yield [ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)]
            yield body
            yield orelse or [ast.Pass()]
        case ast.For(target, it, body, orelse):
            yield [ast.For(target, it, [*body, ast.Break()], orelse)]
            yield [ast.Pass()]
        case ast.While(test, body, orelse):
            yield [ast.If(test, body, orelse)]
    if isinstance(node, ast.AugAssign):
        for other in _OTHER.get(type(node.op), []):
            yield [ast.AugAssign(node.target, other(), node.value)]


def _places(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Every place of a tree: its parent, the field, and the position where that is a list."""
    for field, held in ast.iter_fields(node):
        if field in ("args", "returns", "decorator_list", "annotation") and isinstance(
            node, ast.FunctionDef | ast.Lambda
        ):
            continue  # the signature is the exercise's
        for position, child in enumerate(held) if isinstance(held, list) else [(None, held)]:
            if isinstance(child, ast.AST):
                yield node, field, position
                yield from _places(child)


def _slips(child: ast.AST, field: str) -> Iterator[ast.expr | list[ast.stmt]]:
    """What may stand in a node's place; no other name is assigned, and the order of a list's run is left alone."""
    if isinstance(child, ast.stmt):
        yield from _statements(child)
    elif isinstance(child, ast.expr) and isinstance(getattr(child, "ctx", None) or ast.Load(), ast.Load):
        if not (field == "iter" and isinstance(child, ast.Tuple | ast.List)):
            yield from _expressions(child)


def mutants(tree: ast.FunctionDef | ast.Lambda) -> dict[str, ast.AST]:
    """All functions that differ from this one by a slip, by the statement that has changed, as it reads now."""
    found, before = {}, ast.unparse(tree)
    for number, (parent, field, position) in enumerate(_places(tree)):
        held = getattr(parent, field)
        child = held if position is None else held[position]
        for slip in _slips(child, field):
            changed = copy.deepcopy(tree)
            place, _, _ = next(itertools.islice(_places(changed), number, None))
            if isinstance(child, ast.stmt):
                getattr(place, field)[position : position + 1] = copy.deepcopy(slip)
            elif position is None:
                setattr(place, field, copy.deepcopy(slip))
            else:
                getattr(place, field)[position] = copy.deepcopy(slip)
            text = ast.unparse(ast.fix_missing_locations(changed))
            if text != before:
                found.setdefault(_changed_line(before, text), changed)
    return found


def _changed_line(before: str, after: str) -> str:
    """The first line that differs, as it reads afterwards, or what has gone."""
    old, new = before.splitlines(), after.splitlines()
    at = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    if len(new) == len(old):
        return new[at].strip()
    return f"after `{old[at - 1].strip()}`: {new[at].strip() if at < len(new) else 'nothing'}"


def tree_of(fn) -> ast.FunctionDef | ast.Lambda:
    """The source of a function or of a lambda, which has to be the only one in its lines."""
    first = fn.__code__.co_firstlineno
    module = ast.parse(inspect.getsource(sys.modules[fn.__module__]))
    kind = ast.Lambda if fn.__name__ == "<lambda>" else ast.FunctionDef
    at = [n for n in ast.walk(module) if isinstance(n, kind) and _first_line(n) == first]
    assert len(at) == 1, f"{fn.__name__} in line {first}: write it with def, or alone in its line"
    return at[0]


def _first_line(node):
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])


def built(fn, tree):
    """A mutant as a function, in the world of the right answer."""
    world = dict(vars(sys.modules[fn.__module__]))
    if fn.__closure__:
        world |= inspect.getclosurevars(fn).nonlocals
    if isinstance(tree, ast.Lambda):
        code = compile(ast.fix_missing_locations(ast.Expression(tree)), "<mutant>", "eval")
        return eval(code, world)
    exec(compile(ast.fix_missing_locations(ast.Module([tree], [])), "<mutant>", "exec"), world)
    return world[tree.name]


def passes(check, answer) -> bool:
    """Does the check take this answer? One that computes for five seconds and does not end it does not take."""

    def stop(*_):
        raise _Endless

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return check(answer)
    except _Endless:
        return False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def survivors(check, fn) -> list[str]:
    """The mutants of a right answer that the check takes for right, by name."""
    found = []
    for name, tree in mutants(tree_of(fn)).items():
        with contextlib.suppress(SyntaxError):
            if passes(check, built(fn, tree)):
                found.append(name)
    return found


def main(names):
    for chapter in names:
        tests = importlib.import_module(f"test_exercises_{chapter}")
        exercises = importlib.import_module(f"srlib.exercises.{chapter}")
        known = getattr(tests, "EQUIVALENT", {})
        for name, answers in tests.RIGHT.items():
            for answer in answers if isinstance(answers, list) else [answers]:
                if inspect.isfunction(answer):
                    left = survivors(getattr(exercises, name), answer)
                    print(f"{chapter}.{name} {answer.__name__}: {len(mutants(tree_of(answer)))} mutants")
                    for mutant in left:
                        print(f"    {'(same) ' if mutant in known.get(name, {}) else ''}{mutant}")


if __name__ == "__main__":
    main(sys.argv[1:])
