"""The results of a soak, for a person, and the violations among them."""

from collections import Counter
from dataclasses import dataclass, field

from tests.soak.plan import HOOK_SECONDS
from tests.soak.tally import Tally, percentile

MIB = 2**20  # bytes
# The limit is 20 in a second. On a busy machine some arrive together, and a new process does not
# know the requests of the process before.
IMDS_PER_SECOND = 25
# Between two samples: half a minute of garbage, and of changing tokens.
GROWTH_BYTES = 16 * MIB
HOOKS = ("/sync", "/customize", "/serviceaccount/sync", "/serviceaccount/customize")


@dataclass
class Report:
    """The measurements of a soak, besides its *tally*.

    Attributes:
        attach_seconds: Until all bindings were Ready for the first time.
        kills: Kills of the service.
        asked: Calls of each endpoint of Azure, by its name.
        imds_peak: The most calls of IMDS within a second.
        tokens: Different tokens in Secrets.
        memory: Of the worker, in bytes: with all attached, and in the quarter without kills.
        ready: Bindings that were Ready at the end, out of *bindings*.
    """

    tally: Tally
    bindings: int
    attach_seconds: float = 0
    kills: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    imds_peak: int = 0
    tokens: int = 0
    memory: list[int] = field(default_factory=list)
    ready: int = 0

    def problems(self) -> list[str]:
        """Return the violations, one per line."""
        tally = self.tally
        checks = {
            "pulls refused": tally["pulls refused"] > 0,
            "no pulls": tally["pulls"] == tally["pulls that met a fault"],
            "Secrets that expired": tally["looks at one that expired"] > 0,
            "bindings that are not Ready at the end": self.ready < self.bindings,
            "answers other than 200 and 429": bool(tally.statuses() - {200, 429}),
            f"over {IMDS_PER_SECOND} calls of IMDS in a second": self.imds_peak > IMDS_PER_SECOND,
            "no kill": self.kills == 0,
            "memory that grows": self.memory[-1] - max(self.memory[:-1]) > GROWTH_BYTES,
        }
        return [name for name, wrong in checks.items() if wrong] + tally.notes

    def lines(self) -> list[str]:
        """Return the measurements."""
        tally = self.tally
        asked = ", ".join(f"{name} {count}" for name, count in sorted(self.asked.items()))
        acr = self.asked["exchange"] + self.asked["token"]
        return [
            f"attached in {self.attach_seconds:.0f} s; at the end {self.ready} of {self.bindings} "
            "Ready",
            f"{tally['faults']} faults, {self.kills} kills of the service, "
            f"{tally['hook calls without an answer']} hook calls without an answer",
            f"pulls: {tally['pulls']} tried, {tally['pulls refused']} refused, "
            f"{tally['pulls that met a fault']} met a fault of their own",
            f"Secrets: {tally['looks at a Secret']} looks, {tally['looks at one that expired']} at "
            f"one that had expired; {tally['looks at one that expired as its registry was dead']} "
            "more as its registry was dead for longer than a token lives",
            *(self._times(path) for path in HOOKS),
            f"answers: {tally['status 200']} of status 200, {tally['status 429']} of 429 "
            f"(Metacontroller gives up after {HOOK_SECONDS} s)",
            f"calls of Azure: {asked}; tokens in Secrets {self.tokens}; per token "
            f"IMDS {self.asked['imds'] / max(1, self.tokens):.2f}, "
            f"ACR {acr / max(1, self.tokens):.2f}; of IMDS at most {self.imds_peak} in a second",
            "memory of the worker: " + ", ".join(f"{size / MIB:.1f} MiB" for size in self.memory),
        ]

    def _times(self, path: str) -> str:
        times = [1000 * seconds for seconds in self.tally.times(path)]
        p50, p99 = percentile(times, 50), percentile(times, 99)
        worst = max(times, default=0.0)
        return f"{path}: {len(times)} calls, p50 {p50:.1f} ms, p99 {p99:.0f} ms, max {worst:.0f} ms"
