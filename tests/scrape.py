"""The metrics of a service."""

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.service import Service

Series = tuple[str, frozenset[tuple[str, str]]]


class Scrape(dict[Series, float]):
    """The values of a page of metrics, by series."""

    @classmethod
    def of(cls, service: Service) -> "Scrape":
        """Return the current metrics of *service*."""
        return cls.parse(page(service))

    @classmethod
    def parse(cls, text: str) -> "Scrape":
        """Return the metrics in *text*."""
        return cls(
            ((sample.name, frozenset(sample.labels.items())), sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        )

    def value(self, name: str, **labels: str) -> float:
        """Return the value of a series, 0 if the series does not exist."""
        return self.get((name, frozenset(labels.items())), 0)

    def since(self, before: "Scrape") -> "Scrape":
        """Return the growth of each grown series since *before*, except durations."""
        grown = {
            key: value - before.get(key, 0)
            for key, value in self.items()
            if key[0].startswith("acrpull_") and not key[0].endswith(("_bucket", "_sum"))
        }
        return Scrape({key: value for key, value in grown.items() if value})


def page(service: Service) -> str:
    """Return the unparsed page."""
    response = requests.get(service.metrics_url, timeout=5)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return response.text
