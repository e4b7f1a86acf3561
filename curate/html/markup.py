"""HTML that cannot be broken by what stands in it: text is escaped on its way in, and only `Markup` passes as it is."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

_VOID = frozenset({"meta", "img", "br", "wbr"})
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Markup(str):
    """Text that is HTML already; only the functions of this module make it of strangers' words."""

    __slots__ = ()


Content = Markup | str | int | float | None
Attribute = str | int | float | bool | None


def text(value: Content) -> Markup:
    """Return a value as HTML: `Markup` as it is, None as nothing, anything else escaped.

    >>> text("<b> & 'c'")
    '&lt;b&gt; &amp; &#x27;c&#x27;'
    """
    if isinstance(value, Markup):
        return value
    if value is None:
        return Markup("")
    return Markup(html.escape(_CONTROLS.sub("\ufffd", str(value)), quote=True))


def join(parts: Iterable[Content], between: str = "") -> Markup:
    """Return the parts one after another, each as `text` gives it; `between` is text too."""
    return Markup(text(between).join(text(part) for part in parts))


def element(tag: str, *children: Content, **attributes: Attribute) -> Markup:
    """Return one element. An attribute None or False is left out, True is bare; `class_` is class, `a_b` is a-b.

    >>> element("p", "1 < 2", class_="note")
    '<p class="note">1 &lt; 2</p>'
    """
    words = [tag]
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        word = name.rstrip("_").replace("_", "-")
        words.append(word if value is True else f'{word}="{text(value)}"')
    opened = f"<{' '.join(words)}>"
    return Markup(opened if tag in _VOID else f"{opened}{join(children)}</{tag}>")


def link(url: str, words: str) -> Markup:
    """Return a link to a web address; anything that is none (a script, say) stays plain words."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return text(words)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return text(words)
    return element("a", words, href=url, rel="noreferrer")


def breakable(name: Content) -> Content:
    """Return a name that may break after its underscores where there is little room; anything else as it is."""
    if isinstance(name, str) and not isinstance(name, Markup):
        return Markup(text(name).replace("_", "_<wbr>"))
    return name


def number(value: float | int | None, digits: int = 0) -> str:
    """Return a number with commas at thousands and that many digits; an en dash where it is not known.

    >>> number(71372), number(0.5, 2), number(None)
    ('71,372', '0.50', '–')
    """
    return "–" if value is None else f"{value:,.{digits}f}"


def percent(share: float | None) -> str:
    """Return a share (0..1) in percent, so that what is not zero never reads as zero, nor all but one as all.

    >>> percent(0.1234), percent(0.00001), percent(0.99999), percent(0)
    ('12.3 %', '<0.1 %', '>99.9 %', '0 %')
    """
    if share is None:
        return "–"
    if 0 < share < 0.001:
        return "<0.1 %"
    if 0.999 < share < 1:
        return ">99.9 %"
    return f"{100 * share:.{0 if share in (0, 1) else 1}f} %"
