"""Names of systems, challenges, baselines and plugins: of one safe form, and each for one thing."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.evaluation.challenge import Challenge, Metric, Stratum, own_challenges
from headwater.evaluation.checks import challenge_fault
from headwater.systems import SYSTEMS, known_challenges, known_systems
from headwater.systems.listing import listing
from headwater.systems.settings import check_systems
from headwater.systems.soundness import config_fault
from headwater.systems.stages import baselines_stage

PROJECT = Path(__file__).resolve().parents[2]
PLUGIN = Path(__file__).with_name("toy_plugin")


def plugin(folder: Path, package: str, *changes: tuple[str, str]) -> Path:
    """A copy of the toy's package by another name, with other text in it."""
    to = folder / package
    shutil.copytree(PLUGIN / "toy_fields", to)
    path = to / "__init__.py"
    text = path.read_text().replace("toy_fields", package)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return folder


def with_plugins(**folders: Path) -> Params:
    own = load_params(PROJECT / "params.yaml")
    return own.model_copy(update={"plugins": {name: str(at) for name, at in folders.items()}})


OTHER = ('name="toy"', 'name="other"')


def test_a_challenge_from_outside_replaces_none_of_the_projects_own(tmp_path: Path) -> None:
    taken = ('name="fields"', 'name="heads"')
    params = with_plugins(toy=plugin(tmp_path, "names_own", OTHER, taken))
    said = r"names_own/__init__\.py: there is a challenge 'heads' already, of headwater\.evaluation"
    for check in (known_challenges, check_systems):
        with pytest.raises(HeadwaterError, match=said):
            check(params, PROJECT)
    _, faults = listing(params, PROJECT)
    assert sum("there is a challenge 'heads' already" in fault for fault in faults) == 1


def test_two_challenges_of_one_name_are_refused_naming_both_places(tmp_path: Path) -> None:
    params = with_plugins(
        one=plugin(tmp_path / "a", "names_first", ('name="toy"', 'name="first"')),
        two=plugin(tmp_path / "b", "names_second", OTHER),
    )
    said = r"names_second/__init__\.py: there is a challenge 'fields' already, of .*names_first"
    with pytest.raises(HeadwaterError, match=said):
        known_challenges(params, PROJECT)
    check = with_plugins(one=tmp_path / "a")
    assert known_challenges(check, PROJECT)["fields"].title == "Distance fields"


def test_two_systems_of_one_name_are_refused_naming_both_places(tmp_path: Path) -> None:
    params = with_plugins(
        one=plugin(tmp_path / "a", "names_third"), two=plugin(tmp_path / "b", "names_fourth")
    )
    with pytest.raises(
        HeadwaterError, match=r"names_fourth.*there is a system 'toy' already, of .*names_third"
    ):
        known_systems(params, PROJECT)


def test_one_challenge_in_two_packages_is_one(tmp_path: Path) -> None:
    plugin(tmp_path, "names_fifth")
    (tmp_path / "names_sixth").mkdir()
    (tmp_path / "names_sixth" / "__init__.py").write_text("from names_fifth import CHALLENGE\n")
    assert "fields" in known_challenges(with_plugins(one=tmp_path), PROJECT)


@pytest.mark.parametrize("name", ["To y/../x", "baselines", "all", "", "Toy", "t" * 65])
def test_a_system_has_a_safe_name(tmp_path: Path, name: str) -> None:
    package = f"names_system_{abs(hash(name))}"
    params = with_plugins(toy=plugin(tmp_path, package, ('name="toy"', f'name="{name}"')))
    with pytest.raises(HeadwaterError, match=rf"{package}/__init__\.py: the name .* of a system"):
        known_systems(params, PROJECT)


def test_a_challenge_of_another_kind_is_refused(tmp_path: Path) -> None:
    odd = ("CHALLENGE = Challenge(", "CHALLENGE = dict(")
    params = with_plugins(toy=plugin(tmp_path, "names_dict", OTHER, odd))
    with pytest.raises(HeadwaterError, match=r"names_dict.*CHALLENGE is no Challenge"):
        known_challenges(params, PROJECT)


def test_a_plugin_has_no_name_that_data_has(tmp_path: Path) -> None:
    params = with_plugins(own=plugin(tmp_path, "names_plugin", OTHER))
    with pytest.raises(HeadwaterError, match=r"params\.yaml: plugins\.own: .*'own' is taken"):
        check_systems(params, PROJECT)


@pytest.fixture
def fields() -> Challenge:
    """The toy's challenge."""
    return known_challenges(with_plugins(toy=PLUGIN), PROJECT)["fields"]


@pytest.mark.parametrize("name", ["../../sphere", "Sphere", "", "a b"])
def test_a_baseline_has_a_safe_name(tmp_path: Path, fields: Challenge, name: str) -> None:
    odd = replace(fields, baselines=lambda data: {name: lambda part: part.of_sphere()})
    with pytest.raises(HeadwaterError, match=r"^challenge fields: the name .* of a baseline"):
        baselines_stage(odd, tmp_path)
    assert not list(tmp_path.rglob("*.json"))


def test_a_baseline_is_not_named_as_a_system_that_it_is_compared_with(
    tmp_path: Path, fields: Challenge
) -> None:
    with pytest.raises(
        HeadwaterError, match=r"^challenge fields: .*'sphere' of a baseline .*system"
    ):
        baselines_stage(fields, tmp_path, systems={"sphere"})


def test_the_projects_own_challenges_have_no_fault() -> None:
    for challenge in own_challenges().values():
        assert challenge_fault(challenge) is None


METRIC = Metric("rmse", "RMSE", "units")
STRATUM = Stratum("flatness", "flatness", lambda conditions: 0.0, (0.0, 1.0))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "fi/elds"}, "the name 'fi/elds' of a challenge"),
        ({"metrics": ()}, "has no metric"),
        ({"metrics": (METRIC, METRIC)}, "two metrics are named 'rmse'"),
        ({"metrics": (replace(METRIC, name="r/mse"),)}, "the name 'r/mse' of a metric"),
        ({"strata": (STRATUM, STRATUM)}, "two strata are named 'flatness'"),
        ({"strata": (replace(STRATUM, name="flat/ness"),)}, "the name 'flat/ness' of a stratum"),
        ({"strata": (replace(STRATUM, edges=(1.0, 0.5, 0.0)),)}, "edges .* do not rise"),
        ({"strata": (replace(STRATUM, edges=(1.0,)),)}, "edges .* do not rise"),
        ({"strata": (replace(STRATUM, edges=(float("nan"), 1.0)),)}, "edges .* do not rise"),
        ({"strata": (replace(STRATUM, edges=("a", "b")),)}, r"edges \('a', 'b'\) are no numbers"),
        ({"strata": (replace(STRATUM, edges=3.0),)}, "edges 3.0 are no numbers"),
        ({"strata": (replace(STRATUM, place=None),)}, "stratum flatness: place is None"),
        ({"strata": [STRATUM]}, "strata is .*, no tuple of Stratum"),
        ({"metrics": (one for one in [METRIC])}, "metrics is .*, no tuple of Metric"),
        ({"metrics": (replace(METRIC, name=["rmse"]),)}, r"the name \['rmse'\] of a metric"),
        ({"metrics": (replace(METRIC, label=None),)}, "label of metric rmse is None, no text"),
        ({"metrics": (replace(METRIC, unit="\ud800"),)}, "unit of metric rmse is .*, not one line"),
        ({"title": None}, "challenge fields: title is None, no text"),
        ({"title": "a\n" * 3000}, "challenge fields: title has 6000 letters"),
        ({"title": "a\nb"}, "challenge fields: title is .*, not one line"),
        ({"about": "a" * 10**6}, "challenge fields: about has 1000000 letters"),
        ({"score": None}, "challenge fields: score is None, no function"),
    ],
)
def test_a_challenge_that_cannot_be_judged_is_one_sentence(
    fields: Challenge, changes: dict[str, object], said: str
) -> None:
    import re

    fault = challenge_fault(replace(fields, **changes))  # type: ignore[arg-type]
    assert fault is not None
    assert "\n" not in fault
    assert len(fault) < 400
    assert re.search(said, fault)


def test_a_description_may_have_lines(fields: Challenge) -> None:
    assert challenge_fault(replace(fields, about="Points round a part,\nto the distance.")) is None


def paper(change: str) -> str:
    """Code of a paper's figures, one field of which is another."""
    fields = {"unit": "'mm'", "data": "'scans'", "about": "''", "columns": "('one', 'two')"}
    name, _, value = change.partition("=")
    given = {**fields, "rows": "(('ours', (1.0, None)),)", name: value}
    texts = ", ".join(f"{field}={text}" for field, text in given.items())
    return f"__import__('headwater.systems.system').systems.system.Published({texts})"


@pytest.mark.fault("what a plugin holds is one sentence before anything is built")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('title="Toy fields"', "title=None"), "system 'toy': title is None, no text"),
        (('title="Toy fields"', r'title="a\n" * 10**5'), "title has 200000 letters"),
        (("answer=_answer,", "answer=_answer, paper=3,"), "paper is 3, no Published"),
        *(
            (("answer=_answer,", f"answer=_answer, paper={paper(change)},"), said)
            for change, said in [
                ("unit=None", "unit of paper is None, no text"),
                ("about='a' * 3000", "about of paper has 3000 letters"),
                ("columns=3", "columns of paper is 3, no tuple of texts"),
                ("columns=('one', 2)", r"columns of paper is \('one', 2\), no tuple of texts"),
                ("rows=None", "rows of paper is None, no tuple of rows"),
                ("rows=(('ours', 1.0),)", r"row \('ours', 1.0\) of paper is not a method's name"),
                ("rows=(('ours', (1.0,)),)", "with 2 figures, each a number or None"),
                ("rows=(('ours', (1.0, float('nan'))),)", "with 2 figures, each a number or None"),
                ("rows=(('ours', (1.0, '2')),)", "with 2 figures, each a number or None"),
                ("rows=((None, (1.0, 2.0)),)", "of paper is not a method's name"),
            ]
        ),
        (("answer=_answer,", "answer=None,"), "answer is None, no function"),
        (("answer=_answer,", "answer=_answer, prepared=3,"), "prepared is 3, no function"),
        (('sizes={"smoke": ToyConfig()}', 'sizes=["smoke"]'), r"sizes is \['smoke'\], no mapping"),
        (('sizes={"smoke": ToyConfig()}', 'sizes={"smoke": None}'), "size 'smoke' is None, no"),
        (('sizes={"smoke": ToyConfig()}', "sizes={3: ToyConfig()}"), "a name in sizes is 3, no"),
        (('challenge="fields"', "challenge=3"), "challenge is 3, no text"),
    ],
)
def test_a_system_that_cannot_be_built_is_one_sentence(
    tmp_path: Path, request: pytest.FixtureRequest, change: tuple[str, str], said: str
) -> None:
    package = f"names_{abs(hash(request.node.name))}"
    params = with_plugins(toy=plugin(tmp_path, package, change))
    with pytest.raises(HeadwaterError, match=rf"{package}/__init__\.py: .*{said}") as error:
        check_systems(params, PROJECT)
    assert "\n" not in str(error.value)
    table, faults = listing(params, PROJECT)
    assert [str(error.value)] == faults
    assert table.row_count == len(SYSTEMS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("answer=_answer,", "answer=_answer, prepared=lambda c, p: 1 / 0,"),
            "toy: prepared: unex",
        ),
        (("answer=_answer,", "answer=_answer, prepared=lambda c, p: None,"), "toy: prepared: unex"),
        (("    return config.steps", "    return 1 / 0"), "toy: steps: unexpected ZeroDivision"),
        (("    return config.steps", "    return -3"), "toy: steps: unexpected ValueError: -3"),
        (("    return ()", "    return 1 / 0"), "toy: reads: unexpected ZeroDivisionError"),
        (("    return ()", "    return (3,)"), "toy: reads: unexpected TypeError: 3 is no Table"),
    ],
)
def test_a_fault_of_a_systems_settings_names_it(
    tmp_path: Path, request: pytest.FixtureRequest, change: tuple[str, str], said: str
) -> None:
    folder = plugin(tmp_path, f"names_{abs(hash(request.node.name))}", change)
    params = with_plugins(toy=folder).model_copy(update={"build": {"toy": "fields"}})
    with pytest.raises(HeadwaterError, match=f"^{said}"):
        check_systems(params, PROJECT)


@pytest.mark.fault("old weights are never taken for those of other settings")
@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("x: frozenset[str] = frozenset({'a', 'b'})", r"setting x is frozenset.*; let it be a num"),
        ("x: Any = Field(default_factory=object)", "setting x is <object.*; let it be a number"),
        ("x: Any = {'a': [(b'',)]}", "setting x.a is b''; let it be a number"),
        ("x: Path = Path('a')", r"setting x is PosixPath\('a'\); let it be a number"),
        ("x: int = Field(default=3, gt=4)", "setting x is 3: Input should be greater than 4"),
        ("x: float = float('nan')", "setting x is nan: Input should be a finite number"),
        ("x: Config = Inner(y=2)", r"setting x is Inner\(y=2\), which is lost"),
        ("x: int = Field(default_factory=iter(range(9)).__next__, exclude=True)", "x is 0, which"),
        ("x: SecretStr = SecretStr('a')", r"setting x is SecretStr.*; let it be a number"),
    ],
)
def test_a_setting_that_no_record_tells_is_refused(
    tmp_path: Path, request: pytest.FixtureRequest, setting: str, said: str
) -> None:
    inner = "from pydantic import SecretStr\n\n\nclass Inner(Config):\n    y: int = 1\n\n\n"
    change = ("class ToyConfig(Config):", f"{inner}class ToyConfig(Config):")
    field = ("    steps: int", f"    {setting}\n    steps: int")
    folder = plugin(tmp_path, f"names_{abs(hash(request.node.name))}", change, field)
    params = with_plugins(toy=folder).model_copy(update={"build": {"toy": "fields"}})
    with pytest.raises(HeadwaterError, match=f"^system 'toy': .*{said}") as error:
        check_systems(params, PROJECT)
    assert "\n" not in str(error.value)


def test_every_setting_of_headwaters_own_systems_is_recorded() -> None:
    for system in SYSTEMS.values():
        assert [config_fault(one) for one in system.sizes.values()] == [None] * len(system.sizes)
