"""What configurations mean: order of files, includes, templates, the command line."""

from __future__ import annotations

import pytest

ROOT = "config_opts['root'] = 'r'\n"


def test_files_are_read_in_mocks_order_and_later_ones_win(configurations):
    for name in ("site-defaults.cfg", "chroot-aliases.cfg", "x.cfg", "~/.mock/user.cfg", "~/.config/mock.cfg"):
        configurations.write(name, f"config_opts['seen'] = config_opts.get('seen', []) + ['{name}']\n" + ROOT)
    config = configurations.config("x")
    assert config["dictionary"]["seen"] == [
        "site-defaults.cfg", "chroot-aliases.cfg", "x.cfg", "~/.mock/user.cfg", "~/.config/mock.cfg",
    ]  # fmt: skip
    assert [path.rpartition("/")[2] for path in config["config_paths"]][2] == "x.cfg"


def test_the_users_own_chroot_file_goes_before_the_global_one(configurations):
    configurations.write("x.cfg", "config_opts['root'] = 'global'")
    configurations.write("~/.config/mock/x.cfg", "config_opts['root'] = 'own'")
    assert configurations.config("x")["root"] == "own"


def test_a_path_that_ends_in_cfg_is_a_file(configurations):
    file = configurations.write("../elsewhere/special.cfg", ROOT)
    config = configurations.config(str(file))
    assert (config["chroot_name"], config["config_file"]) == ("special", str(file))


def test_each_file_has_variables_of_its_own_which_its_includes_share(configurations):
    configurations.write("site-defaults.cfg", "mine = 1")
    configurations.write("templates/t.tpl", "shared = arch + '!'")
    configurations.write("x.cfg", ROOT + "arch = 'a'\ninclude('templates/t.tpl')\n"
                         "config_opts['both'] = (shared, 'mine' in globals())")
    assert configurations.config("x")["dictionary"]["both"] == ("a!", False)


def test_an_include_is_executed_where_it_stands_also_within_blocks(configurations):
    configurations.write("t.tpl", "config_opts['order'].append('included')")
    configurations.write("x.cfg", ROOT + "config_opts['order'] = ['before']\n"
                         "if True:\n    include('t.tpl')\nif False:\n    include('nowhere.tpl')\n"
                         "config_opts['order'].append('after')")
    assert configurations.config("x")["dictionary"]["order"] == ["before", "included", "after"]


def test_an_include_within_a_text_is_pasted(configurations):
    configurations.write("repos/a.repo", "[a]\ninclude('repos/b.repo')\n")
    configurations.write("repos/b.repo", "[b]\nid={{ root }}")
    configurations.write("x.cfg", ROOT + "config_opts['dnf.conf'] = '''\n[main]\ninclude('repos/a.repo')\n'''\n")
    assert configurations.config("x")["package_manager_conf"] == "\n[main]\n[a]\n[b]\nid=r\n\n"


def test_a_file_included_twice_is_executed_once_and_said(configurations):
    configurations.write("t.tpl", "config_opts['times'] = config_opts.get('times', 0) + 1")
    configurations.write("x.cfg", ROOT + "include('t.tpl')\ninclude('t.tpl')\n")
    document = configurations.answer("x")
    assert document["result"]["dictionary"]["times"] == 1
    assert "Multiple inclusion of" in document["notices"][0]["text"]


def test_configurations_find_the_modules_that_mock_lets_them_use(configurations):
    configurations.write("x.cfg", ROOT + "config_opts['modules'] = [os.sep, re.escape('.'), json.dumps(1),"
                         " glob('/nowhere*'), grp.getgrgid(0).gr_name, literal_eval('2')]")
    assert configurations.config("x")["dictionary"]["modules"] == ["/", "\\.", "1", [], "root", 2]


def test_templates_are_expanded_until_nothing_changes(configurations):
    configurations.write("x.cfg", "config_opts['root'] = 'r-{{ releasever }}-{{ target_arch }}'\n"
                         "config_opts['releasever'] = '{{ 40 + 2 }}'\nconfig_opts['target_arch'] = 'x86_64'\n"
                         "config_opts['deep'] = [{'k': ('{{ root }}', 1)}]")
    config = configurations.config("x")
    assert config["root"] == "r-42-x86_64"
    assert config["rootdir"] == "/var/lib/mock/r-42-x86_64/root"
    assert config["dictionary"]["deep"] == [{"k": ("r-42-x86_64", 1)}]


def test_names_that_mean_the_same_key(configurations):
    configurations.write("x.cfg", ROOT + "config_opts['yum.conf'] = 'text'\nconfig_opts['dnf_command'] = '/bin/dnf'\n"
                         "config_opts['system_yum_command'] = '/opt/yum'")
    config = configurations.config("x")
    assert config["package_manager_conf"] == "text"
    assert config["package_managers"]["dnf4"]["command"] == "/bin/dnf"
    assert config["package_managers"]["yum"]["system_command"] == "/opt/yum"


def test_config_opts_on_the_command_line_know_booleans_none_numbers_and_lists(configurations):
    configurations.write("x.cfg", ROOT)
    given = ["a=true", "b=False", "c=none", "d=5", "e=text=with=signs", "f=1", "f=x", "f=True", "g=only", "g=", "h="]
    dictionary = configurations.config("x", config_opts=given)["dictionary"]
    assert {key: dictionary[key] for key in "abcdefgh"} == {
        "a": True, "b": False, "c": None, "d": 5, "e": "text=with=signs", "f": [1, "x", True], "g": ["only"], "h": "",
    }  # fmt: skip


def test_plugin_options_are_python_values_or_else_text(configurations):
    configurations.write("x.cfg", ROOT)
    config = configurations.config(
        "x",
        plugin_options=["bind_mount:dirs=[('/h','/c')]", "overlayfs:base_dir=/b", "overlayfs:touch_files=['*.db']"],
        enable_plugins=["tmpfs"],
        disable_plugins=["yum_cache"],
    )
    plugins = config["plugins"]
    assert plugins["bind_mount"]["dirs"] == [{"host_path": "/h", "chroot_path": "/c"}]
    assert (plugins["overlayfs"]["base_dir"], plugins["overlayfs"]["touch_files"]) == ("/b", ["*.db"])
    assert (plugins["tmpfs_enable"], plugins["yum_cache"]["enable"]) == (True, False)


def test_overlayfs_is_on_unless_a_configuration_turns_it_off(configurations):
    configurations.write("x.cfg", ROOT)
    configurations.write("off.cfg", ROOT + "config_opts['plugin_conf']['overlayfs_enable'] = False")
    assert configurations.config("x")["plugins"]["overlayfs"]["enable"] is True
    assert configurations.config("off")["plugins"]["overlayfs"]["enable"] is False


def test_root_cache_set_by_hand_is_told_from_the_default(configurations):
    configurations.write("x.cfg", ROOT)
    configurations.write("on.cfg", ROOT + "config_opts['plugin_conf']['root_cache_enable'] = True")
    assert configurations.config("x")["plugins"]["root_cache"] == {"enable": True, "set_explicitly": False}
    assert configurations.config("on")["plugins"]["root_cache"] == {"enable": True, "set_explicitly": True}


def test_keys_that_nobody_knows_are_kept(configurations):
    configurations.write("x.cfg", ROOT + "config_opts['own_key'] = {'a': 1}\n"
                         "config_opts['plugin_conf']['strange_opts'] = {'b': '{{ root }}'}")
    config = configurations.config("x")
    assert config["dictionary"]["own_key"] == {"a": 1}
    assert config["dictionary"]["plugin_conf"]["strange_opts"] == {"b": "r"}


def test_uniqueext_names_the_root_but_not_its_caches(configurations):
    configurations.write("x.cfg", ROOT)
    config = configurations.config("x", uniqueext="two")
    assert (config["root"], config["shared_root"]) == ("r-two", "r")
    assert config["rootdir"] == "/var/lib/mock/r-two/root"
    assert config["resultdir"] == "/var/lib/mock/r-two/result"
    assert config["cachedir"] == "/var/cache/mock/r"
    assert config["dictionary"]["plugin_conf"]["root_cache_opts"]["dir"] == "/var/cache/mock/r/root_cache/"


def test_repositories_of_the_command_line_end_the_package_managers_configuration(configurations):
    configurations.write("x.cfg", ROOT + "config_opts['dnf.conf'] = '[main]\\n'")
    text = configurations.config("x", repositories=["file:///a/b", "file:///a/b"])["package_manager_conf"]
    assert text.startswith("[main]\n")
    assert "[_a_b]\nname=file:///a/b\nbaseurl=file:///a/b\nenabled=1\n" in text
    assert "[_a_b1]\n" in text


def test_the_command_line_changes_architecture_network_and_cleaning(configurations):
    configurations.write("x.cfg", ROOT + "config_opts['repo_arch_map'] = {'armv7hl': 'arm32'}\n"
                         "config_opts['legal_host_arches'] = ('armv7l',)")
    document = configurations.answer("x", arch="armv7hl", enable_network=True, no_clean=True, offline=True)
    config = document["result"]["config"]
    assert (config["target_arch"], config["rpmbuild_arch"], config["repo_arch"]) == ("armv7hl", "armv7hl", "arm32")
    assert config["forcearch"] == "armv7hl"
    assert config["macros"]["%_platform_multiplier"] == "10"
    assert (config["rpmbuild_networking"], config["use_host_resolv"]) == (True, True)
    assert (config["clean"], config["online"]) == (False, False)
    assert "Unable to build arch armv7hl natively" in document["notices"][0]["text"]


def test_options_of_a_build_win_over_the_configuration(configurations):
    configurations.write("x.cfg", ROOT + "config_opts['rpmbuild_arch'] = 'noarch'\n"
                         "config_opts['rpmbuild_timeout'] = 5\nconfig_opts['rpmbuild_opts'] = '--noclean'\n"
                         "config_opts['macrofile'] = '/of/config'\nconfig_opts['macros']['%m'] = 'of config'\n")
    of_config = configurations.config("x")
    config = configurations.config("x", rpmbuild_arch="i686", rpmbuild_timeout=0, macrofile="/of/line", no_check=True,
                                   rpmbuild_opts="--nodebuginfo --define 'a b'", macros=["m of line", "%n  two  words"],
                                   post_install=True)
    keys = ("rpmbuild_arch", "rpmbuild_timeout", "rpmbuild_opts", "macrofile", "check", "post_install")
    assert [of_config[key] for key in keys] == ["noarch", 5, ["--noclean"], "/of/config", True, False]
    assert [config[key] for key in keys] == [
        "i686", 0, ["--nodebuginfo", "--define", "a b"], "/of/line", False, True,
    ]  # fmt: skip
    assert (of_config["macros"]["%m"], config["macros"]["%m"]) == ("of config", "of line")
    assert config["macros"]["%n"] == " two  words"


def test_built_packages_are_installed_where_the_configuration_wants_it(configurations):
    configurations.write("x.cfg", ROOT + "config_opts['post_install'] = True")
    assert configurations.config("x")["post_install"] is True


@pytest.mark.parametrize("line, cleaned", [
    ({}, (False, False)),
    ({"resultdir": "/elsewhere"}, (True, True)),
    ({"resultdir": "/elsewhere", "config_opts": ["cleanup_on_failure=False"]}, (True, False)),
    ({"resultdir": "/elsewhere", "post_install": True}, (False, True)),
    ({"resultdir": "/elsewhere", "cleanup_after": False}, (False, False)),
    ({"resultdir": "/elsewhere", "post_install": True, "cleanup_after": True}, (True, True)),
    ({"cleanup_after": True}, (True, True)),
])  # fmt: skip
def test_a_root_is_cleaned_after_a_build_that_takes_no_results_along_or_where_asked(configurations, line, cleaned):
    configurations.write("x.cfg", ROOT)
    config = configurations.config("x", **line)
    assert (config["cleanup_on_success"], config["cleanup_on_failure"]) == cleaned


def test_conditionals_are_the_macros_that_bcond_looks_for(configurations):
    configurations.write("x.cfg", ROOT)
    line = {"rpm_with": ["tests", "x-y"], "rpm_without": ["docs"], "macros": ["_with_tests by hand"]}
    macros = configurations.config("x", **line)["macros"]
    assert {name: macros[name] for name in macros if name.startswith("%_with")} == {
        "%_with_tests": "--with-tests", "%_with_x_y": "--with-x-y", "%_without_docs": "--without-docs",
    }  # fmt: skip
    assert "'%_with_x_y': '--with-x-y'" in configurations.text("debug_config", "x", **line)


@pytest.mark.parametrize("line", [{"macros": ["lonely"]}, {"macros": [" "]}, {"rpmbuild_opts": "--define 'a b"}])
def test_what_no_build_could_use_is_a_wrong_option(configurations, line):
    configurations.write("x.cfg", ROOT)
    error = configurations.error("x", **line)
    assert error["exit_code"] == 5
    assert "Bad option for '--" in error["message"]


def test_a_macro_file_has_a_whole_path(configurations):
    configurations.write("x.cfg", ROOT + "config_opts['macrofile'] = 'macros'")
    assert "expected a path that starts with /" in configurations.error("x")["message"]


def test_proxies_and_the_home_directory_are_in_the_environment(configurations, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://outside:1")
    configurations.write("x.cfg", ROOT + "config_opts['http_proxy'] = 'http://p:2'\n"
                         "config_opts['chroothome'] = '/home/b'")
    environment = configurations.config("x")["environment"]
    assert (environment["http_proxy"], environment["https_proxy"]) == ("http://p:2", "http://outside:1")
    assert environment["HOME"] == "/home/b"


def test_results_in_the_old_style_of_names_are_found_and_warned_of(configurations):
    configurations.write("x.cfg", ROOT + "config_opts['resultdir'] = '/results/%(root)s'")
    document = configurations.answer("x")
    assert document["result"]["config"]["resultdir"] == "/results/r"
    assert "Obsoleted" in document["notices"][0]["text"]


def test_debug_config_shows_what_differs_from_the_defaults(configurations):
    configurations.write("x.cfg", ROOT + "config_opts['description'] = 'D {{ root }}'")
    raw = configurations.text("debug_config", "x")
    assert "config_opts['description'] = 'D {{ root }}'\n" in raw
    assert "config_opts['basedir']" not in raw
    assert "config_opts['description'] = 'D r'\n" in configurations.text("debug_config_expanded", "x")


def test_chroots_are_listed_with_descriptions_the_users_own_last(configurations):
    configurations.write("site-defaults.cfg", "")
    configurations.write("b-x86_64.cfg", ROOT + "config_opts['description'] = 'B {{ root }}'")
    configurations.write("a-x86_64.cfg", "not python at all")
    configurations.write("~/.config/mock/own.cfg", ROOT)
    assert configurations.text("list_chroots").splitlines() == [
        "config name                        description",
        "Global configs:",
        "a-x86_64                           error during parsing the config file",
        "b-x86_64                           B r",
        "Custom configs:",
        "own                                ",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ROOT + "x = 1\nconfig_opts[", "x.cfg:3: SyntaxError: '[' was never closed"),
        (ROOT + "\n\nundefined_name", "x.cfg:4: NameError: name 'undefined_name' is not defined"),
        (ROOT + "include('t.tpl')", "t.tpl:3: ZeroDivisionError: division by zero, included by {etc}/x.cfg:2"),
        (ROOT + "include('no.tpl')", "x.cfg:2: Could not find included config file: {etc}/no.tpl"),
        (ROOT + "def f():\n    sys.exit(1)\nf()", "x.cfg:3: it ends the program (sys.exit)"),
    ],
)
def test_an_error_names_the_file_and_the_line(configurations, text, message):
    configurations.write("t.tpl", "def f():\n    # a comment\n    return 1 / 0\nf()")
    configurations.write("x.cfg", text)
    error = configurations.error("x")
    assert error["exit_code"] == 3
    assert error["message"].startswith("Config error: ")
    assert error["message"].endswith("/etc/" + message.format(etc=configurations.directory))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("config_opts['resultdir'] = '{{ a.b.c }}'", "config_opts['resultdir'] cannot be expanded: UndefinedError"),
        ("config_opts['plugin_conf']['sign_opts']['opts'] = 'a\\n{% if %}'",
         "config_opts['plugin_conf']['sign_opts']['opts'] is wrong at its line 2 ('{% if %}')"),
        ("config_opts['a'] = 'x{{ a }}'", "config_opts['a'] still changes after 5 rounds"),
        ("config_opts['chrootuid'] = 'me'", "config_opts['chrootuid'] is 'me' (str), expected a whole number"),
        ("config_opts['nosync'] = []", "config_opts['nosync'] is [] (list), expected True or False"),
        ("config_opts['files'] = 'x'", "config_opts['files'] is 'x' (str), expected a dictionary"),
        ("config_opts['basedir'] = 'x'", "config_opts['basedir'] is 'x' (str), expected a path that starts with /"),
        ("config_opts['package_manager'] = 'apt'", "expected one of: dnf, dnf4, dnf5, yum, microdnf"),
        ("config_opts['plugin_conf']['bind_mount_opts']['dirs'] = [('/a',)]",
         "config_opts['plugin_conf']['bind_mount_opts']['dirs'] is ('/a',) (tuple), "
         "expected a list of (host_path, chroot_path)"),
        ("del config_opts['root']", "config_opts['root'] must be present in your config"),
    ],
)  # fmt: skip
def test_an_error_names_the_key_and_what_was_expected(configurations, text, message):
    configurations.write("x.cfg", ROOT + text)
    error = configurations.error("x")
    assert error["exit_code"] == 3
    assert message in error["message"]


@pytest.mark.parametrize(
    "command_line",
    [
        {"config_opts": ["no equals sign"]},
        {"plugin_options": ["overlayfs"]},
        {"plugin_options": ["nosuch:a=1"]},
        {"enable_plugins": ["nosuch"]},
        {"isolation": "nosuch"},
        {"macros": ["only_a_name"]},
    ],
)
def test_an_option_that_cannot_be_applied_is_an_error_of_the_command_line(configurations, command_line):
    configurations.write("x.cfg", ROOT)
    assert configurations.error("x", **command_line)["exit_code"] == 5


def test_an_unknown_configuration_is_named_with_what_to_do(configurations):
    error = configurations.error("nosuchcfg")
    assert error["message"] == "Non-existing Mock config 'nosuchcfg'"
    assert "-r ./target.cfg" in error["hints"][-1]
    assert "-r" in configurations.error("default")["hints"][1]


def test_a_replaced_configuration_names_its_alternatives(configurations):
    configurations.write("chroot-aliases.cfg", "config_opts['no-config']['epel-8'] = {'alternatives': {"
                         "'alma+epel-8': {'description': ['With Alma.']}, 'absent-8': {'description': []}}}")
    configurations.write("alma+epel-8-x86_64.cfg", ROOT)
    error = configurations.error("epel-8-x86_64")
    assert error["message"] == "Mock config 'epel-8-x86_64' not found, but there are alternatives"
    assert "  -r alma+epel-8-x86_64" in error["hints"]
    assert "    With Alma." in error["hints"]
    assert not any("absent-8" in hint for hint in error["hints"])
