"""What an evaluation depends on is recorded, and what cannot be looked up again is told."""

from __future__ import annotations

import pytest

ROOT = "config_opts['root'] = 'r'\n"


def looked_at(answer):
    return {(record["kind"], record["path"]) for record in answer["depends_on"]["files"]}


def test_files_opened_looked_for_and_listed_are_recorded(configurations):
    etc = configurations.directory
    configurations.write("read.txt", "text")
    configurations.write("listed/file", "")
    (etc / "link").symlink_to("read.txt")
    configurations.write("x.cfg", ROOT + f"""
open('{etc}/read.txt').read()
os.path.exists('{etc}/absent')
os.listdir('{etc}/listed')
glob('{etc}/*/fi*')
os.lstat('{etc}/link')
import pathlib
pathlib.Path('{etc}/by-pathlib').exists()
os.access('{etc}/by-access', os.R_OK)
""")
    answer = configurations.in_process("x")
    assert answer["depends_on"]["uncacheable"] == []
    files = looked_at(answer)
    for name in ("read.txt", "absent", "listed", "by-pathlib", "by-access", "x.cfg", "site-defaults.cfg"):
        assert ("file", f"{etc}/{name}") in files, name
    assert ("link", f"{etc}/link") in files
    assert ("file", f"{configurations.home}/.config/mock/x.cfg") in files
    absent = [record for record in answer["depends_on"]["files"] if record["path"] == f"{etc}/absent"]
    assert absent[0]["absent"] is True


def test_modules_that_a_configuration_imports_are_recorded(configurations):
    module = configurations.write("modules/ours.py", "VALUE = 'imported'")
    configurations.write("x.cfg", ROOT + f"sys.path.insert(0, '{module.parent}')\nimport ours\n"
                         "config_opts['v'] = ours.VALUE")
    answer = configurations.in_process("x")
    assert answer["result"]["dictionary"]["v"] == "imported"
    assert ("file", str(module)) in looked_at(answer)


def test_environment_variables_are_recorded_when_read_and_only_then(configurations):
    configurations.write("x.cfg", ROOT + "os.environ.get('SEEN'); os.getenv('ABSENT')\n"
                         "os.environ['OWN'] = '1'; os.environ['OWN']")
    answer = configurations.in_process("x", {"SEEN": "yes", "UNSEEN": "no"})
    variables = {record["name"]: record["value"] for record in answer["depends_on"]["environment"]}
    assert variables["SEEN"] == "yes"
    assert variables["ABSENT"] is None
    assert "UNSEEN" not in variables and "OWN" not in variables


def test_who_copies_the_environment_has_read_all_of_it(configurations):
    configurations.write("x.cfg", ROOT + "dict(os.environ)")
    answer = configurations.in_process("x", {"A": "1", "B": "2"})
    assert {"A", "B"} <= {record["name"] for record in answer["depends_on"]["environment"]}


def test_the_number_of_processors_is_recorded(configurations):
    configurations.write("x.cfg", ROOT + "os.cpu_count()")
    assert configurations.in_process("x")["depends_on"]["processors"][0]["kind"] == "online"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("os.system('true')", "it runs a program"),
        ("import subprocess; subprocess.run(['true'])", "it runs a program"),
        ("os.fork() or os._exit(0)", "it forks"),
        ("socket.socket()", "it opens a socket"),
        ("import time; time.time()", "it asks the time"),
        ("import time; time.strftime('%Y')", "it asks the time"),
        ("import datetime; datetime.datetime.now()", "it asks the time"),
        ("from datetime import date; date.today()", "it asks the time"),
        ("import random; random.random()", "it takes random numbers"),
        ("import random; random.Random().random()", "it takes random numbers"),
        ("import secrets; secrets.token_hex()", "it takes random numbers"),
        ("uuid.uuid4()", "it takes random numbers"),
        ("config_opts['a'] = 'x{{ mock_run_uuid }}'", "it takes random numbers"),
        ("config_opts['mock_run_uuid']", "it takes random numbers"),
        ("open('/proc/uptime').read()", "it looks at /proc/uptime, whose changes cannot be seen"),
        ("open('/tmp/plyroot-test-written', 'w').close(); os.remove('/tmp/plyroot-test-written')", "it changes files"),
        ("os.getpid()", "it calls os.getpid"),
    ],
)
def test_what_cannot_be_looked_up_again_is_told(configurations, code, reason):
    configurations.write("x.cfg", ROOT + code)
    assert reason in configurations.in_process("x")["depends_on"]["uncacheable"]


def test_fixed_moments_and_seeded_numbers_do_no_harm(configurations):
    configurations.write("x.cfg", ROOT + "import datetime, random, time\n"
                         "config_opts['v'] = str(datetime.datetime(2020, 1, 2) - datetime.timedelta(1))\n"
                         "random.Random(7).random(); time.strftime('%Y', time.gmtime(0))")
    answer = configurations.in_process("x")
    assert answer["depends_on"]["uncacheable"] == []
    assert answer["result"]["dictionary"]["v"] == "2020-01-01 00:00:00"


def test_what_a_configuration_prints_is_not_taken_for_the_answer(configurations, capfd):
    configurations.write("x.cfg", ROOT + "print('hello')")
    assert configurations.in_process("x")["result"]["config"]["root"] == "r"
