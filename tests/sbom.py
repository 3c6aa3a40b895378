"""The packages of the image as an SBOM, a CycloneDX document, from the lock: `make sbom`.

https://cyclonedx.org/docs/1.6/json/
"""

import sys
from importlib.metadata import metadata, version
from pathlib import Path
from typing import Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from tests.lock import Pin, pins

ROOT: Final = Path(__file__).parents[1]
LOCK: Final = ROOT / "requirements.txt"


def sbom(revision: str, lock: Path = LOCK) -> str:
    """Return the SBOM of the packages that *revision* of the project runs with.

    The same input gives the same bytes: the optional serial number and time are omitted.

    Raises:
        SystemExit: A package of *lock* is installed here in another version, so the license of
            the locked version is unknown.
    """
    service = Component(
        name="acrpull",
        version=revision,
        type=ComponentType.APPLICATION,
        bom_ref="acrpull",
        licenses=[LicenseFactory().make_from_string("MIT")],
    )
    pinned = list(pins(lock))
    packages = {pin.name: new_package(pin) for pin in pinned}
    bom = Bom(components=packages.values())
    bom.metadata.component = service
    for name, package in packages.items():
        needed = [packages[pin.name] for pin in pinned if name in pin.askers]
        bom.register_dependency(package, needed)
    bom.register_dependency(service, [packages[pin.name] for pin in pinned if pin.is_direct])
    bom.serial_number = None  # type: ignore[assignment] # optional in the schema
    bom.metadata.timestamp = None  # type: ignore[assignment] # optional too
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def new_package(pin: Pin) -> Component:
    """Return a package; the hashes belong to its files for all platforms."""
    purl = PackageURL("pypi", name=pin.name, version=pin.version)
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(f"https://pypi.org/project/{pin.name}/{pin.version}/#files"),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=value) for value in pin.hashes],
    )
    return Component(
        name=pin.name,
        version=pin.version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        licenses=licenses(pin),
        external_references=[files],
    )


def licenses(pin: Pin) -> list[License]:
    """Return the licenses in the metadata of the package installed here.

    Raises `SystemExit` if another version is installed than *pin* names.
    https://packaging.python.org/en/latest/specifications/core-metadata/#license-expression
    """
    if (installed := version(pin.name)) != pin.version:
        raise SystemExit(f"{pin.name} {pin.version} is in the lock, {installed} is installed")
    fields = metadata(pin.name)
    classifiers = [c for c in fields.get_all("Classifier", []) if c.startswith("License ::")]
    texts = [fields[name] for name in ("License-Expression", "License") if name in fields]
    names = texts[:1] or [c.rpartition(" :: ")[2] for c in classifiers]
    return [LicenseFactory().make_from_string(name) for name in names]


if __name__ == "__main__":
    sys.stdout.write(sbom(revision=sys.argv[1]))
