"""What users may rely on is listed, sorted and explained."""

import ast
import importlib
import subprocess
import sys
from types import ModuleType

import pytest

import gateway
from tests.house.tree import BORDER, CORE, WORDS, core_modules, imports, parsed, shown


def public_members(module: ModuleType) -> set[str]:
    """The names without an underscore that are no modules."""
    members = vars(module).items()
    return {name for name, value in members if not name.startswith("_") and not isinstance(value, ModuleType)}


def test_the_package_lists_its_public_names_sorted() -> None:
    """`gateway.__all__` is in order, with no name twice."""
    assert gateway.__all__
    assert sorted(set(gateway.__all__)) == list(gateway.__all__)


def test_the_package_lists_what_it_has() -> None:
    """`gateway.__all__` is all that is public in the package, and all of it is there."""
    assert [] == [name for name in gateway.__all__ if not hasattr(gateway, name)]
    assert set() == public_members(gateway) - set(gateway.__all__)


def test_a_public_name_is_fetched_from_where_type_checkers_read_it() -> None:
    """The table of homes says the same as the imports that only type checkers see."""
    read = {name.removeprefix("gateway.") for _, name in imports(CORE / "__init__.py") if name.startswith("gateway.")}
    assert read == {f"{module}.{name}" for module, names in gateway._HOMES.items() for name in names.split()}
    assert [] == [name for name in gateway.__all__ if not getattr(gateway, name, None)]


def test_the_package_imports_nothing_until_it_is_asked() -> None:
    """`import gateway` costs nothing, and the first name brings what it needs; a name that is not there is an error."""
    told = "import sys, gateway; print(*sorted(name for name in sys.modules if name.startswith('gateway')))"
    alone = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout
    assert ["gateway"] == alone.split()
    assert set(gateway.__all__) <= set(dir(gateway))
    with pytest.raises(AttributeError, match="module 'gateway' has no attribute 'Gatewy'"):
        getattr(gateway, "Gatewy")  # noqa: B009 - a type checker knows that it is not there


@pytest.mark.parametrize("name", [path.stem for path in core_modules(WORDS + BORDER)])
def test_modules_that_list_their_names_list_them_sorted_and_truly(name: str) -> None:
    """Where a module of the words or the border has `__all__`, it is sorted and every name of it exists."""
    module = importlib.import_module(f"gateway.{name}")
    listed: list[str] = list(getattr(module, "__all__", []))
    assert sorted(set(listed)) == listed
    assert [] == [missing for missing in listed if not hasattr(module, missing)]


def test_every_public_word_is_explained() -> None:
    """Each module, public class and public function of the words and the border has a docstring."""
    bare = []
    for path in core_modules(WORDS + BORDER):
        tree = parsed(path)
        if ast.get_docstring(tree) is None:
            bare.append(shown(path))
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                bare += [f"{shown(path)}: {node.name}"] * (ast.get_docstring(node) is None)
    assert [] == bare
