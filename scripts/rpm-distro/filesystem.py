"""The package `filesystem`: merged /usr, the directories that all share, and the first users and groups.

Every other package needs it first, because rpm unpacks into what is there: a `/bin` that some package made a directory
could never become a link afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deb import RpmVersion, open_tree
from spec import Entry, Kind, Spec
from tools import MakerError

NAME = "filesystem"

# Merged /usr, and what Debian's base-files links in its postinst.
LINKS = {
    "/bin": "usr/bin",
    "/lib": "usr/lib",
    "/lib32": "usr/lib32",
    "/lib64": "usr/lib64",
    "/libx32": "usr/libx32",
    "/sbin": "usr/sbin",
    "/usr/local/man": "share/man",
    "/var/lock": "../run/lock",
    "/var/run": "../run",
    "/var/spool/mail": "../mail",
}

# Where a path that goes through one of these links really is.
MERGED = {
    "/bin": "/usr/bin",
    "/lib": "/usr/lib",
    "/lib32": "/usr/lib32",
    "/lib64": "/usr/lib64",
    "/libx32": "/usr/libx32",
    "/sbin": "/usr/sbin",
    "/var/lock": "/run/lock",
    "/var/run": "/run",
}

_PLAIN_DIRECTORIES = """
    /boot /dev /etc /etc/default /etc/opt /etc/profile.d /etc/rpm /etc/skel /home /media /mnt /opt /run /srv
    /usr /usr/bin /usr/games /usr/include /usr/lib /usr/lib32 /usr/lib64 /usr/libx32 /usr/libexec /usr/sbin /usr/share
    /usr/src
    /usr/local /usr/local/bin /usr/local/etc /usr/local/games /usr/local/include /usr/local/lib /usr/local/sbin
    /usr/local/share /usr/local/share/man /usr/local/src
    /var /var/backups /var/cache /var/lib /var/lib/misc /var/lib/rpm /var/log /var/opt /var/spool
""".split()

# Directories with their modes and groups.
DIRECTORIES: dict[str, tuple[int, str]] = {
    **{path: (0o755, "root") for path in _PLAIN_DIRECTORIES},
    "/proc": (0o555, "root"),
    "/root": (0o700, "root"),
    "/run/lock": (0o1777, "root"),
    "/sys": (0o555, "root"),
    "/tmp": (0o1777, "root"),
    "/var/local": (0o2775, "staff"),
    "/var/mail": (0o2775, "mail"),
    "/var/tmp": (0o1777, "root"),
}

_PASSWORD_LAST_CHANGED = 19000  # days; fixed, so that the package is the same each time


def final_path(path: str) -> str:
    """Where a path of a Debian package is once /usr is merged."""
    for link, directory in MERGED.items():
        if path == link or path.startswith(link + "/"):
            return directory + path[len(link) :]
    return path


@dataclass(frozen=True)
class Masters:
    """The initial users and groups, as Debian's base-passwd has them."""

    passwd: str
    group: str

    @property
    def users(self) -> list[str]:
        return [line.split(":")[0] for line in self.passwd.splitlines()]

    @property
    def groups(self) -> dict[str, int]:
        """Groups with their numbers."""
        fields = (line.split(":") for line in self.group.splitlines())
        return {field[0]: int(field[2]) for field in fields}


def account_files(masters: Masters) -> dict[str, tuple[str, int]]:
    """The four files of /etc, with their modes."""
    users, groups = masters.users, masters.groups
    return {
        "/etc/passwd": (masters.passwd.replace(":*:", ":x:"), 0o644),
        "/etc/group": (masters.group.replace(":*:", ":x:"), 0o644),
        "/etc/shadow": ("".join(f"{user}:*:{_PASSWORD_LAST_CHANGED}:0:99999:7:::\n" for user in users), 0o640),
        "/etc/gshadow": ("".join(f"{group}:*::\n" for group in groups), 0o640),
    }


def read_masters(base_passwd: Path) -> Masters:
    """passwd.master and group.master out of the package base-passwd."""
    found: dict[str, str] = {}
    with open_tree(base_passwd) as tar:
        for member in tar:
            name = Path(member.name).name
            if name in ("passwd.master", "group.master"):
                found[name] = tar.extractfile(member).read().decode()
    try:
        return Masters(found["passwd.master"], found["group.master"])
    except KeyError as missing:
        raise MakerError(f"reading the initial users out of {base_passwd}", f"there is no {missing} in it") from None


def write_tree(root: Path, masters: Masters) -> list[Entry]:
    """Makes the package's tree below root."""
    entries = []
    for path, (mode, group) in sorted(DIRECTORIES.items()):
        directory = Path(f"{root}{path}")
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(mode)
        entries.append(Entry(path, Kind.DIRECTORY, group=group))
    for path, target in LINKS.items():
        Path(f"{root}{path}").symlink_to(target)
        entries.append(Entry(path, Kind.LINK))
    for path, (text, mode) in account_files(masters).items():
        file = Path(f"{root}{path}")
        file.write_text(text)
        file.chmod(mode)
        entries.append(Entry(path, Kind.FILE, group="shadow" if mode == 0o640 else "root", config=True))
    return entries


def ownership_scriptlet(entries: Sequence[Entry], masters: Masters) -> str:
    """Gives files to their groups.

    rpm lays out this package's files before any /etc/group is there, and so gives them all to root. In Lua, which rpm
    has built in: there is no shell yet.
    """
    lines = ["%post -p <lua>"]
    modes = {path: mode for path, (mode, _group) in DIRECTORIES.items()}
    modes |= {path: mode for path, (_text, mode) in account_files(masters).items()}
    for entry in entries:
        if entry.group != "root":
            lines.append(f'posix.chown("{entry.path}", 0, {masters.groups[entry.group]})')
            lines.append(f'posix.chmod("{entry.path}", "{modes[entry.path]:o}")')  # chown takes the set-group-id bit
    return "\n".join(lines) + "\n"


def spec(entries: list[Entry], masters: Masters) -> Spec:
    return Spec(
        name=NAME,
        version=RpmVersion("0", "12", "1"),
        summary="The directories, links and users that all packages stand on",
        noarch=True,
        scriptlets=ownership_scriptlet(entries, masters),
        entries=entries,
    )
