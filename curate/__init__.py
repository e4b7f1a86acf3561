"""One merged, harmonised skin-lesion corpus: every picture with its origin, its label and its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curate.workspace import Workspace

__version__ = "0.1.0"
__all__ = ["Workspace", "__version__"]


def __getattr__(name: str) -> Any:
    """Open the door to `Workspace` only when it is asked for, so that `curate --help` stays quick."""
    if name == "Workspace":
        from curate.workspace import Workspace

        return Workspace
    raise AttributeError(f"module 'curate' has no attribute {name!r}")
