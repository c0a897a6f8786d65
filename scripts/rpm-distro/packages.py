"""The data: which Debian packages become the distribution, and what each needs beyond what its .deb says."""

from __future__ import annotations

# The comps group `buildsys-build`: what a fresh build root holds.
BUILD_GROUP = (
    "base-files", "base-passwd", "bash", "binutils", "bzip2", "coreutils", "cpio", "dash", "debianutils", "diffutils",
    "file", "findutils", "g++", "gawk", "gcc", "grep", "gzip", "hostname", "less", "libc-bin", "libc6-dev", "login",
    "make", "ncurses-base", "ncurses-bin", "passwd", "patch", "perl-base", "rpm", "sed", "tar", "util-linux",
    "xz-utils",
)  # fmt: skip

# In the repository beside it: for BuildRequires and `install`.
EXTRA = (
    "autoconf", "automake", "bison", "cmake", "flex", "libssl-dev", "libtool", "m4", "mount", "nano", "perl",
    "pkg-config", "procps", "python3-minimal", "strace", "unzip", "zip", "zlib1g-dev", "zstd",
)  # fmt: skip

# Asked for so that apt takes it instead of `usrmerge`, which would merge /usr on a living system (`filesystem` has
# done that here) and brings half of Perl with it. It is empty, and so becomes no RPM.
INSTEAD_OF_USRMERGE = "usr-is-merged"
LEFT_OUT = frozenset({INSTEAD_OF_USRMERGE})

# Trees that nobody reads in a build root.
DROPPED = tuple(
    f"/usr/share/{name}"
    for name in (
        "bash-completion", "bug", "doc", "doc-base", "info", "lintian", "locale", "man", "menu", "zsh",
    )
)  # fmt: skip

# What Debian's maintainer scripts do with update-alternatives, and what the RPMs have as plain links. Where several
# packages offer one name (`pager`), the one with the highest priority has it.
LINKS: dict[str, dict[str, str]] = {
    "automake": {"/usr/bin/automake": "automake-1.16", "/usr/bin/aclocal": "aclocal-1.16"},
    "bison": {"/usr/bin/yacc": "bison.yacc"},
    "cpio": {"/usr/bin/mt": "mt-gnu"},
    "cpp": {"/usr/lib/cpp": "../bin/cpp"},
    "dash": {"/usr/bin/sh": "dash"},
    "debianutils": {"/usr/bin/which": "which.debianutils"},
    "g++": {"/usr/bin/c++": "g++"},
    "gawk": {"/usr/bin/awk": "gawk", "/usr/bin/nawk": "gawk"},
    "gcc": {"/usr/bin/cc": "gcc", "/usr/bin/c89": "c89-gcc", "/usr/bin/c99": "c99-gcc"},
    "less": {"/usr/bin/pager": "less"},
    "nano": {"/usr/bin/editor": "nano", "/usr/bin/pico": "nano"},
    "tar": {"/usr/sbin/rmt": "rmt-tar"},
    "xz-utils": {
        "/usr/bin/lzma": "xz",
        "/usr/bin/unlzma": "unxz",
        **{
            f"/usr/bin/lz{verb}": f"xz{verb}"
            for verb in ("cat", "cmp", "diff", "egrep", "fgrep", "grep", "less", "more")
        },
    },
}

# Files that maintainer scripts copy from /usr/share when there is none yet.
COPIES: dict[str, dict[str, str]] = {
    "base-files": {
        "/etc/motd": "/usr/share/base-files/motd",
        "/etc/profile": "/usr/share/base-files/profile",
        "/root/.bashrc": "/usr/share/base-files/dot.bashrc",
        "/root/.profile": "/usr/share/base-files/dot.profile",
    },
    "debianutils": {"/etc/shells": "/usr/share/debianutils/shells"},
    "libc-bin": {"/etc/nsswitch.conf": "/usr/share/libc-bin/nsswitch.conf"},
    "readline-common": {"/etc/inputrc": "/usr/share/readline/inputrc"},
}

# The names that spec files of RPM distributions know, beside Debian's.
PROVIDES: dict[str, tuple[str, ...]] = {
    "debianutils": ("which",),
    "g++": ("gcc-c++",),
    "gawk": ("awk",),
    "libc-bin": ("glibc-common",),
    # Not found by rpm: programs built here ask for it, and only the dynamic loader knows that it can.
    "libc6": ("glibc", "rtld(GNU_HASH)"),
    "libc6-dev": ("glibc-devel", "glibc-headers"),
    "libssl-dev": ("openssl-devel",),
    "libstdc++6": ("libstdc++",),
    "linux-libc-dev": ("kernel-headers",),
    "passwd": ("shadow-utils",),
    "perl-base": ("perl-interpreter",),
    "pkg-config": ("pkgconfig",),
    "procps": ("procps-ng",),
    "python3-minimal": ("python3",),
    "rpm": ("rpm-build", "rpm-libs"),
    "xz-utils": ("xz",),
    "zlib1g": ("zlib",),
    "zlib1g-dev": ("zlib-devel",),
}

# Scriptlets, as they stand in a spec file.
SCRIPTLETS: dict[str, str] = {
    # Debian's dpkg triggers do this. Once for each transaction, not once for each library.
    "libc-bin": "%transfiletriggerin -- /usr/lib /usr/lib64\n/sbin/ldconfig\n",
}

# Lines of files that are replaced: (file, pattern, new line). A pattern that matches nothing is an error.
EDITS: dict[str, tuple[tuple[str, str, str], ...]] = {
    # Debian's rpm has its database in the user's home, because there dpkg rules. Here rpm does.
    "rpm-common": (("/usr/lib/rpm/macros", r"(?m)^%_dbpath\s.*$", "%_dbpath\t\t/var/lib/rpm"),),
}
