"""What Prometheus reads from a service."""

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.service import Service

Series = tuple[str, frozenset[tuple[str, str]]]


class Scrape(dict[Series, float]):
    """The series of a page of metrics, with their values."""

    @classmethod
    def of(cls, service: Service) -> "Scrape":
        """Ask *service*."""
        return cls.parse(page(service))

    @classmethod
    def parse(cls, text: str) -> "Scrape":
        """Read *text*."""
        return cls(
            ((sample.name, frozenset(sample.labels.items())), sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        )

    def value(self, name: str, **labels: str) -> float:
        """Return the value of a series; 0: it is not there."""
        return self.get((name, frozenset(labels.items())), 0)

    def since(self, before: "Scrape") -> "Scrape":
        """Return by how much each series is more than *before*, where it is, but those of time."""
        grown = {
            key: value - before.get(key, 0)
            for key, value in self.items()
            if key[0].startswith("acrpull_") and not key[0].endswith(("_bucket", "_sum"))
        }
        return Scrape({key: value for key, value in grown.items() if value})


def page(service: Service) -> str:
    """Return the page, as it is."""
    response = requests.get(service.metrics_url, timeout=5)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return response.text
