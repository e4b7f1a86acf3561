"""The inventory: each source's pictures, licence and access, what of it is here, and what to do for what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from curate.manifest import Manifest
from curate.workspace import Workspace


def inventory(workspace: Workspace) -> list[dict[str, Any]]:
    """Return one entry per source: pictures, bytes, license, access, what is here, what is missing, what to do."""
    entries = []
    locked = workspace.locked()
    for name, manifest in workspace.manifests.items():
        entry = locked.get(name)
        held = set(entry.files) if entry else set()
        held |= {part for file in manifest.files if file.name in held for part in file.provides}
        needed = [file for file in manifest.files if not file.optional]
        missing = [file.name for file in needed if file.name not in held]
        sizes = [file.bytes if file.bytes is not None else file.bytes_about for file in needed]
        tree = workspace.tree(name)
        loose = entry.loose.count if entry and entry.loose else 0
        entries.append(
            {
                "source": name,
                "title": manifest.title,
                "pictures": manifest.expected.get("pictures") or manifest.expected.get("records"),
                "bytes": sum(size or 0 for size in sizes),
                "bytes_known": all(size is not None for size in sizes),
                "license": manifest.license,
                "redistribution": manifest.redistribution,
                "access": manifest.access,
                "here": "nothing" if tree is None else "whole" if not missing else "part",
                "files_here": len(tree["files"]) if tree else 0,
                "loose": loose,
                "missing": missing,
                "homepage": manifest.homepage,
                "todo": _todo(manifest, missing, workspace.placed(name)),
            }
        )
    return entries


def _todo(manifest: Manifest, missing: list[str], placed: Path) -> str:
    if not missing:
        return ""
    if manifest.access == "open":
        return f"curate fetch {manifest.name}" + (" --accept-license" if manifest.needs_acceptance else "")
    by_itself = f"curate fetch {manifest.name}   (asks figshare; if that fails, by hand:)\n" if manifest.listing else ""
    return f"{by_itself}{manifest.instructions.strip()}\nOr put it into {placed}, then: curate fetch {manifest.name}"
