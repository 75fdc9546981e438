"""Templates of pages, escaping every text, and the one style of them all."""

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from headwater.viewer.formats import FILTERS
from headwater.viewer.scripts import resource


def render_page(package: str, template: str, context: dict[str, object]) -> str:
    """A page from a template of ``package``, which may use those of this package."""
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader(package, "templates"), PackageLoader("headwater.viewer", "templates")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment.get_template(template).render(style=resource("page.css"), **context)
