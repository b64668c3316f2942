"""Arguments of everything public are compared with their annotations before any work.

``guard(__name__)`` at the end of a module does that for what it makes public. An annotation says
what kind of thing an argument is; whether a number is in range the function itself checks.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import re
import sys
import types
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, get_origin

import numpy as np

from anticrossing._core.checks import InputError, describe, fail, is_numeric
from anticrossing._core.foreign import has_unit, own, unit_text
from anticrossing._core.unchanging import read_only

_GUARDED: set[type] = set()
_Function = TypeVar("_Function", bound=Callable[..., Any])


class Kind(NamedTuple):
    """What an argument must be, in words for one and for several, and what is wrong with one.

    `wrong` returns where the trouble lies, such as ``[2]``, what should be there, and what is.
    """

    must: str
    several: str
    wrong: Callable[[Any], tuple[str, str, Any] | None]


def with_words_of_others(words: Mapping[str, str]) -> Callable[[_Function], _Function]:
    """Let a function say what to write in place of what other packages call its arguments.

    `words` are names that it does not have; under "" stands what goes without a name.
    """

    def mark(function: _Function) -> _Function:
        function.words_of_others = words  # type: ignore[attr-defined]
        return function

    return mark


def guard(module_name: str, *, quiet: bool = False) -> None:
    """Let what a module makes public check the kinds of its arguments.

    Functions that are `quiet` compute without the warnings of NumPy. What a room imports from its
    own modules is its ``__all__``, unless it says otherwise.
    """
    module = sys.modules[module_name]
    names = [name for name in vars(module) if name[0] != "_"]
    if hasattr(module, "__all__"):
        names = module.__all__
    elif hasattr(module, "__path__"):
        names = [name for name in names if _lives_in(module_name, vars(module)[name])]
        module.__all__ = names  # type: ignore[attr-defined]
    for name in names:
        thing = vars(module).get(name)
        home = sys.modules.get(getattr(thing, "__module__", None) or "")
        if home is None or not home.__name__.startswith(module_name):
            continue
        if inspect.isfunction(thing):
            made = _quiet(guarded(thing)) if quiet else guarded(thing)
            for place in (module, home):
                if vars(place).get(name) is thing:
                    setattr(place, name, made)
        elif inspect.isclass(thing) and thing not in _GUARDED:
            _GUARDED.add(thing)
            for key, member in list(vars(thing).items()):
                if key[0] == "_" and key not in ("__init__", "__call__"):
                    continue
                if inspect.isfunction(member):
                    setattr(thing, key, guarded(member))
                elif isinstance(member, (classmethod, staticmethod)):
                    setattr(thing, key, type(member)(guarded(member.__func__)))
            if dataclasses.is_dataclass(thing):
                read_only(thing)


def _lives_in(room: str, thing: Any) -> bool:
    home = getattr(thing, "__module__", None) or room
    return not inspect.ismodule(thing) and f"{home}.".startswith(f"{room}.")


@functools.cache
def guarded(function: Any) -> Any:
    """Return a function that checks the kinds of its arguments, if it has any to check.

    What its annotations ask for is read at its first call: most of what is public is not called.
    """
    if not function.__annotations__.keys() - {"return"} or hasattr(function, "__wrapped__"):
        return function
    code = function.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    names, positional = code.co_varnames[:count], code.co_varnames[: code.co_argcount]
    others = ""
    if code.co_flags & inspect.CO_VARKEYWORDS:
        others = code.co_varnames[count + bool(code.co_flags & inspect.CO_VARARGS)]
    kinds: dict[str, Kind] | None = None
    tests: list[Callable[[Any], Any]] = []
    refuse, read, take, anything = _refusal, _kinds, own, _anything
    words: Mapping[str, str] = getattr(function, "words_of_others", {})
    called = _check_words

    def checked(*args: Any, **kwargs: Any) -> Any:
        nonlocal kinds, tests
        if kinds is None:
            kinds = read(function)
            tests = [kinds[name].wrong if name in kinds else anything for name in positional]
        if words:
            called(words, positional, args, kwargs)
        if not kwargs:  # at once: hardly ever is anything wrong
            for test, value in zip(tests, args, strict=False):
                if test(value) is not None:
                    break
            else:
                return function(*args)
        for name, value in (*zip(positional, args, strict=False), *kwargs.items()):
            kind = kinds.get(name if name in names else others)
            if kind is not None and (wrong := kind.wrong(value)) is not None:
                taken = take(value)  # of another package, perhaps
                if taken is value or kind.wrong(taken) is not None:
                    raise refuse(name, *wrong)
                if name in kwargs:
                    kwargs[name] = taken
                else:
                    place = positional.index(name)
                    args = (*args[:place], taken, *args[place + 1 :])
        return function(*args, **kwargs)

    # It has the globals of the function, by which tools tell where a function belongs.
    twin = types.FunctionType(
        checked.__code__, function.__globals__, function.__name__, None, checked.__closure__
    )
    return functools.update_wrapper(twin, function)


def _check_words(
    words: Mapping[str, str], positional: Sequence[str], args: Sequence[Any], named: Iterable[str]
) -> None:
    """Raise `InputError` for an argument as another package has it, with what to write."""
    if len(args) > len(positional):
        raise InputError(
            f"Only {' and '.join(f'`{name}`' for name in positional)} may be given without a "
            f"name, but there are {len(args)} arguments: {words['']}."
        )
    for name in named:
        if name in words:
            raise fail(name, "be left out", f"it is given: {words[name]}")


def _anything(value: Any) -> None:
    """Take a value of any kind."""


def _kinds(function: Any) -> dict[str, Kind]:
    """Return what the annotations of a function ask for."""
    found = {}
    for name, annotation in function.__annotations__.items():
        if name != "return":
            kind = kind_of(_text(annotation), function.__module__)
            if kind is not None:
                found[name] = kind
    return found


def _quiet(function: Any) -> Any:
    import numpy as np

    return np.errstate(all="ignore")(function)


def _text(annotation: Any) -> str:
    """Return an annotation as text; without postponed evaluation it is the class itself."""
    known = annotation.__name__ if isinstance(annotation, type) else annotation
    return str(getattr(annotation, "__forward_arg__", known))


def _refusal(name: str, where: str, must: str, value: Any) -> InputError:
    if has_unit(value):
        return fail(name + where, f"be {must}", unit_text(name + where, value))
    return fail(name + where, f"be {must}", f"it is {describe(value)}")


@functools.cache
def kind_of(annotation: str, module: str) -> Kind | None:
    """Return what an annotation asks for, or None where it does not say."""
    return _kind(ast.parse(annotation, mode="eval").body, vars(sys.modules[module]))


def _kind(node: ast.expr, scope: Mapping[str, Any]) -> Kind | None:
    if isinstance(node, ast.BinOp):
        return _either(_kind(node.left, scope), _kind(node.right, scope))
    if isinstance(node, ast.Constant):
        return _test("None", "None", lambda value: value is None) if node.value is None else None
    base, inside = (
        (node.value, node.slice) if isinstance(node, ast.Subscript) else (node, ast.Tuple([]))
    )
    name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
    entries = inside.elts if isinstance(inside, ast.Tuple) else [inside]
    if name in _PLAIN:
        return _PLAIN[name]
    if name in ("Sequence", "Collection", "list", "tuple"):
        fixed = name == "tuple" and ast.unparse(inside)[-4:-1] != "..." and bool(entries)
        kinds = [_kind(entry, scope) for entry in entries] or [None]
        return _list(kinds if fixed else kinds[:1], fixed, name == "Collection")
    if name in ("Mapping", "dict"):
        return _mapping(_kind(entries[1], scope) if len(entries) == 2 else None)
    if name in ("Axes", "Figure"):  # of Matplotlib, which is not imported for this
        return _instance(name, None)
    first, *rest = ast.unparse(base).split(".")
    return _instance(name, functools.reduce(_attribute, rest, scope.get(first)))


def _attribute(thing: Any, name: str) -> Any:
    return getattr(thing, name, None)


def _test(must: str, several: str, fits: Callable[[Any], bool]) -> Kind:
    return Kind(must, several, lambda value: None if fits(value) else ("", must, value))


def _either(one: Kind | None, other: Kind | None) -> Kind | None:
    if one is None or other is None:
        return None
    must = f"{one.must} or {other.must}"

    def wrong(value: Any) -> tuple[str, str, Any] | None:
        first = one.wrong(value)
        second = None if first is None else other.wrong(value)
        if first is None or second is None:
            return None
        return next((what for what in (first, second) if what[0]), ("", must, value))

    return Kind(must, f"{one.several} or {other.several}", wrong)


def _instance(name: str, found: Any) -> Kind | None:
    """Return the kind of a class; one that is imported for annotations alone goes by its name."""
    array = get_origin(found) is np.ndarray and re.search("float64|complex128", str(found))
    if array or (found is None and name in ("FloatArray", "ComplexArray")):
        return _PLAIN["ArrayLike"]
    must, several = f"{'an' if name[:1] in 'AEIO' else 'a'} {name}", f"{name} objects"
    if inspect.isclass(found) and found not in (Any, object) and not _is_protocol(found):
        if hasattr(found, "__add__"):
            must += " (of several the sum, a + b)"
        return _test(must, several, lambda value: isinstance(value, found))
    if found is not None or not name[:1].isupper() or name in ("NDArray", "Any", "Self"):
        return None  # an alias, or anything
    return _test(must, several, lambda x: name in [base.__name__ for base in type(x).__mro__])


def _is_protocol(found: Any) -> bool:
    return bool(getattr(found, "_is_protocol", False))


def _listed(value: Any, collection: bool) -> Sequence[Any] | None:
    """Return what can be taken for a list; of an array of numbers its first entry will do."""
    if type(value) in (tuple, list):  # at once: it takes long to ask an abstract class
        return value
    if isinstance(value, np.ndarray):
        if value.ndim == 0 or np.ma.is_masked(value):
            return None
        return list(value[:1]) if value.dtype.kind in "biufc" else list(value.tolist())
    wanted = Collection if collection else Sequence
    return (
        list(value) if isinstance(value, wanted) and not isinstance(value, (str, bytes)) else None
    )


def _list(kinds: Sequence[Kind | None], fixed: bool, collection: bool) -> Kind:
    """Return the kind of a list of one kind, or of a fixed number of entries."""
    what = kinds[0].several if kinds[0] else ""
    must = f"a list of {what}" if what else "a list"
    if fixed:
        must = "a pair" if len(kinds) == 2 else f"a list of {len(kinds)}"
    several = "pairs" if fixed and len(kinds) == 2 else "rows"

    def wrong(value: Any) -> tuple[str, str, Any] | None:
        listed = _listed(value, collection)
        if listed is None or (fixed and len(value) != len(kinds)):
            return "", must, value
        for k, entry in enumerate(listed):
            kind = kinds[k if fixed else 0]
            found = kind.wrong(entry) if kind else None
            if found is not None:
                return f"[{k}]{found[0]}", *found[1:]
        return None

    return Kind(must, several, wrong)


def _mapping(entry: Kind | None) -> Kind:
    must = "a mapping"

    def wrong(value: Any) -> tuple[str, str, Any] | None:
        if not isinstance(value, Mapping):
            return "", must, value
        for key, one in value.items():
            found = entry.wrong(one) if entry else None
            if found is not None:
                return f"[{describe(key)}]{found[0]}", *found[1:]
        return None

    return Kind(must, "mappings", wrong)


def _is_number(value: Any) -> bool:
    return is_numeric(value) and np.ndim(value) == 0


_PLAIN = {
    "str": _test("text", "names", lambda value: isinstance(value, str)),
    "bool": _test("True or False", "truths", lambda value: isinstance(value, (bool, np.bool_))),
    "int": _test(
        "an integer",
        "integers",
        lambda value: isinstance(value, (int, np.integer)) and not isinstance(value, bool),
    ),
    "float": _test(
        "a real number (a single number)",
        "numbers",
        lambda value: _is_number(value) and not np.iscomplexobj(value),
    ),
    "complex": _test("a single number", "numbers", _is_number),
    "ArrayLike": _test("a number or an array of numbers", "numbers", is_numeric),
    "Callable": _test("callable", "functions", callable),
    "Iterable": _test(
        "a list",
        "lists",
        lambda value: isinstance(value, Iterable) and not isinstance(value, (str, bytes)),
    ),
}
