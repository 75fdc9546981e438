"""Names that a module only passes on are followed to their definitions, and modules to modules."""

from pathlib import Path

import pytest

from tests.artifacts.conftest import digest, write

pytestmark = pytest.mark.fault("old weights are never taken for those of new code")

# What stands behind all names: one value of each kind.
DEEP = "RATE = 2\ndef scale(x): return x * 3\nclass Shape:\n    side = 4\n"
EDITS = {"RATE": ("= 2", "= 5"), "scale": ("x * 3", "x * 5"), "Shape": ("= 4", "= 5")}
# By case: files, and a function ``use`` that uses ``{name}`` through them.
WAYS = {
    "from the package": (
        {"inner/__init__": "from toypackage.inner.deep import {name}\n"},
        "from toypackage.inner import {name}\ndef use(): return {name}\n",
    ),
    "relative": (
        {"inner/__init__": "from .deep import {name}\n"},
        "from .inner import {name}\ndef use(): return {name}\n",
    ),
    "under another name": (
        {"inner/__init__": "from toypackage.inner.deep import {name} as other\n"},
        "from toypackage.inner import other as again\ndef use(): return again\n",
    ),
    "through two modules": (
        {
            "inner/__init__": "from toypackage.inner.middle import {name}\n",
            "inner/middle": "from toypackage.inner.deep import {name}\n",
        },
        "from toypackage.inner import {name}\ndef use(): return {name}\n",
    ),
    "imported inside": (
        {"inner/__init__": "from toypackage.inner.deep import {name}\n"},
        "def use():\n    from toypackage.inner import {name}\n    return {name}\n",
    ),
    "attribute of the module that passes it on": (
        {"inner/__init__": "from toypackage.inner.deep import {name}\n"},
        "from toypackage import inner\ndef use(): return inner.{name}\n",
    ),
    "attribute of a submodule that its package imports": (
        {"inner/__init__": "from toypackage.inner import deep\n"},
        "from toypackage.inner import deep\ndef use(): return deep.{name}\n",
    ),
    "attribute of that submodule of the package": (
        {"inner/__init__": "from . import deep\n"},
        "from toypackage import inner\ndef use(): return inner.deep.{name}\n",
    ),
    "attribute of a submodule that another module imports": (
        {"inner/__init__": "", "other": "from toypackage.inner import deep as below\n"},
        "from toypackage.other import below\ndef use(): return below.{name}\n",
    ),
    "table of submodules in the package itself": (
        {"inner/__init__": "from toypackage.inner import deep\nTABLE = {{'a': deep}}\n"},
        "from toypackage.inner import TABLE\ndef use(): return TABLE['a'].{name}\n",
    ),
    "import as": (
        {"inner/__init__": ""},
        "import toypackage.inner.deep as d\ndef use(): return d.{name}\n",
    ),
    "import in full": (
        {"inner/__init__": "from toypackage.inner import deep\n"},
        "import toypackage.inner.deep\ndef use(): return toypackage.inner.deep.{name}\n",
    ),
    "import of what an import as passes on": (
        {"inner/__init__": "import toypackage.inner.deep as d\n"},
        "from toypackage.inner import d\ndef use(): return d.{name}\n",
    ),
    "star": (
        {"inner/__init__": "from toypackage.inner.deep import *\n"},
        "from toypackage.inner import {name}\ndef use(): return {name}\n",
    ),
    "one star of two": (
        {
            "inner/__init__": "from .deep import *\nfrom toypackage.empty import *\n",
            "empty": "",
        },
        "from toypackage.inner import *\ndef use(): return {name}\n",
    ),
    "value named while it runs": (
        {"inner/__init__": "from toypackage.inner.deep import {name}\n"},
        "from toypackage import inner\ndef use(): return getattr(inner, '{name}')\n",
    ),
    "attribute made while it runs": (
        {
            "inner/__init__": "def __getattr__(name):\n    from toypackage.inner import deep\n"
            "    return deep.{name}\n"
        },
        "from toypackage import inner\ndef use(): return inner.lazy\n",
    ),
    "changed after its import": (
        {"inner/__init__": ""},
        "from toypackage.inner.deep import {name}\n{name} = [{name}]\ndef use(): return {name}\n",
    ),
    "given another name": (
        {"inner/__init__": "from toypackage.inner.deep import {name}\nOTHER = {name}\n"},
        "from toypackage.inner import OTHER\ndef use(): return OTHER\n",
    ),
}


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("way", WAYS)
def test_a_name_is_followed_to_its_definition(package: Path, way: str, name: str) -> None:
    files, main = WAYS[way]
    (package / "inner").mkdir()
    texts = {"__init__": "", "inner/deep": DEEP, **files, "main": main}
    write(package, **{file: text.format(name=name) for file, text in texts.items()})
    before = digest("use")
    old, new = EDITS[name]
    write(package, **{"inner/deep": f"# A comment.\n{DEEP}"})
    assert digest("use") == before
    write(package, **{"inner/deep": DEEP.replace(old, new)})
    assert digest("use") != before


def test_other_definitions_of_the_module_behind_do_not_count(package: Path) -> None:
    (package / "inner").mkdir()
    passing = "from toypackage.inner.deep import RATE, scale\n"
    main = "from toypackage.inner import scale\ndef use(): return scale(1)\n"
    write(package, **{"__init__": "", "inner/__init__": passing, "inner/deep": DEEP, "main": main})
    before = digest("use")
    write(package, **{"inner/deep": DEEP.replace("RATE = 2", "RATE = 5")})
    assert digest("use") == before


def test_the_source_of_a_name_and_the_effects_on_the_way_count(package: Path) -> None:
    (package / "inner").mkdir()
    passing = "from toypackage.inner.deep import scale\n"
    main = "from toypackage.inner import scale\ndef use(): return scale(1)\n"
    files = {"__init__": "", "inner/__init__": passing, "inner/deep": DEEP, "main": main}
    write(package, **files, **{"inner/twin": DEEP})
    before = digest("use")
    write(package, **{"inner/__init__": passing.replace("deep", "twin")})
    assert digest("use") != before
    write(package, **{"inner/__init__": f"{passing}print(scale)\n"})
    assert digest("use") != before
    write(package, **{"inner/__init__": passing})
    assert digest("use") == before


def test_modules_that_pass_a_name_on_in_a_circle_end(package: Path) -> None:
    write(
        package,
        __init__="",
        one="from toypackage.two import it\n",
        two="from toypackage.one import it\n",
        main="from toypackage.one import it\ndef use(): return it\n",
    )
    assert digest("use") == digest("use")


def test_a_root_that_its_module_only_imports_is_followed(package: Path) -> None:
    write(package, __init__="", deep=DEEP, main="from toypackage.deep import scale\n")
    before = digest("scale")
    write(package, deep=DEEP.replace("x * 3", "x * 5"))
    assert digest("scale") != before
