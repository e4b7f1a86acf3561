"""25 builds of small random worlds that are disturbed, each by another fault or at another moment."""

from __future__ import annotations

from pathlib import Path

from soak.faults import BEGUN, BUILT
from soak.playing import play, table

SEEDS = range(25)


def test_a_disturbed_build_comes_to_the_undisturbed_corpus(tmp_path: Path) -> None:
    played = list(play(SEEDS, tmp_path))
    findings = [f"seed {each['seed']}, {each['fault']}, {each['told']}: {each['finding']}" for each in played]
    assert not any(each["finding"] for each in played), "\n".join(findings)
    assert [each["seed"] for each in played] == list(SEEDS)
    assert {each["fault"] for each in played} == {*BEGUN, *BUILT}
    assert any(each["first"] == -9 for each in played), "nothing was killed"
    assert any(each["errors"] for each in played), "nothing was complained of"
    assert f"| all | {len(SEEDS)} |" in table(played)
