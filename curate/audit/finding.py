"""A finding: something under `data_cache` is not what it must be, and what to type about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What is wrong (`kind`, a few words), where, what should be there, what is, and what to do next."""

    kind: str
    where: str
    expected: str
    found: str
    next: str

    def sentence(self) -> str:
        """Return it as lines for a person."""
        return (
            f"{self.where}: {self.kind}\n  expected: {self.expected}\n  found:    {self.found}\n  next:     {self.next}"
        )

    def as_dict(self) -> dict[str, str]:
        """Return plain values, ready for JSON."""
        return {
            "kind": self.kind,
            "where": self.where,
            "expected": self.expected,
            "found": self.found,
            "next": self.next,
        }
