import pytest

from deb import RpmVersion
from spec import Entry, Kind, Spec, files_line, quote_path


@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        ("/usr/bin/ls", '"/usr/bin/ls"'),
        ("/usr/share/a b", '"/usr/share/a b"'),
        ("/usr/bin/[", '"/usr/bin/[[]"'),
        ("/usr/share/50%", '"/usr/share/50%%"'),
        ("/a*b?c", '"/a[*]b[?]c"'),
        ("/a{b,c}", '"/a?b,c?"'),
        ("/a\\x2db", '"/a?x2db"'),
    ],
)
def test_paths_stand_for_themselves(path, quoted):
    assert quote_path(path) == quoted


def test_a_path_that_cannot_be_said_is_refused():
    with pytest.raises(ValueError):
        quote_path('/a"b')


def test_lines_of_files():
    assert files_line(Entry("/usr/lib/x", Kind.DIRECTORY)) == '%dir "/usr/lib/x"'
    assert files_line(Entry("/usr/bin/x", Kind.FILE)) == '"/usr/bin/x"'
    assert files_line(Entry("/usr/bin/chage", Kind.FILE, group="shadow")) == '%attr(-,root,shadow) "/usr/bin/chage"'
    assert files_line(Entry("/etc/x", Kind.FILE, config=True)) == '%config(noreplace) "/etc/x"'


def make_spec(**changes):
    values = {"name": "tool", "version": RpmVersion("1", "2", "3"), "summary": "100% tool", "noarch": True}
    return Spec(**(values | changes)).render()


def test_a_spec_says_what_it_is():
    text = make_spec(requires=["libc6"], provides=["other", "/bin/tool"], entries=[Entry("/usr/bin/tool", Kind.FILE)])
    lines = text.splitlines()
    for line in [
        "Name: tool", "Epoch: 1", "Version: 2", "Release: 3", "Summary: 100%% tool", "BuildArch: noarch",
        "Requires(pre): filesystem", "Requires: libc6",
        "Provides: other = %{epoch}:%{version}-%{release}", "Provides: /bin/tool",
    ]:  # fmt: skip
        assert line in lines
    assert lines.index("%files") < lines.index('"/usr/bin/tool"')


def test_architecture_and_scriptlets():
    text = make_spec(noarch=False, scriptlets="%post -p /sbin/ldconfig\n")
    assert "BuildArch" not in text
    assert "\n%post -p /sbin/ldconfig\n" in text


def test_filesystem_needs_nothing_first():
    assert "Requires" not in make_spec(name="filesystem")
