"""What a package provides by the files that it has: the names that packages built in a root will ask for.

rpm's own generators find the libraries' names. For these they would start a program for each file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_PKG_CONFIG = re.compile(r"^/usr/(?:share|lib/[^/]+)/pkgconfig/(?P<name>[^/]+)\.pc$")
_PERL_MODULE = re.compile(
    r"^/usr/(?:share|lib/[^/]+)/(?:perl-base|perl5?(?:/\d[\d.]*)?)/(?P<name>[A-Za-z]\w*(?:/\w+)*)\.pm$"
)


def names_of_files(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        if match := _PKG_CONFIG.match(path):
            yield f"pkgconfig({match['name']})"
        elif match := _PERL_MODULE.match(path):
            yield f"perl({match['name'].replace('/', '::')})"
