"""Values as JSON and as text cells: what JSON does not know is said in the nearest form that it does."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def plain(value: Any) -> Any:
    """Return a value that JSON can say: no number becomes null, bytes become base64, dates and the like their text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part) for part in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def document(value: Any) -> str:
    """Return a value as one JSON document, indented for eyes."""
    return json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)


def line(value: Any) -> str:
    """Return a value as JSON on one line."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
