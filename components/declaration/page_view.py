"""What the step StatisticsPage reads of a declaration; see `components.declaration.views`."""

import dataclasses

from components.declaration.views import View


@dataclasses.dataclass(frozen=True)
class PageColumns(View):
    """The columns whose values a page of statistics shows as dates, or not at all."""

    user: str
    time: str
    request: str | None


@dataclasses.dataclass(frozen=True)
class PageCatalogue(View):
    """The column of the catalogue whose values a page of statistics shows as dates."""

    added: str | None


@dataclasses.dataclass(frozen=True)
class PageView(View):
    """StatisticsPage."""

    log: PageColumns
    catalogue: PageCatalogue | None
