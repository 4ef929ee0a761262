from __future__ import annotations

import pytest
from ansible_collections.golden.fleet.plugins.plugin_utils._contract import spec
from ansible_collections.golden.fleet.plugins.plugin_utils._contract_check import check

RIGHT = {
    "summary": "A service",
    "listen": {"port": 8001},
    "health": {"version_json": "datasette.version"},
    "pool": {"domain": "data.example.com", "maintenance_port": 9000},
}


def changed(dotted: str, value: object) -> dict:
    """RIGHT with the value at one dotted key changed."""
    data: dict = {key: dict(item) if isinstance(item, dict) else item for key, item in RIGHT.items()}
    *path, last = dotted.split(".")
    at = data
    for part in path:
        at = at.setdefault(part, {})
    at[last] = value
    return data


def problems(data: object) -> dict[str, str]:
    return dict(check(spec(), data)[1])  # type: ignore[arg-type]


def test_a_right_contract_is_filled_in():
    filled, found = check(spec(), RIGHT)
    assert found == []
    assert filled["pool"]["floor"] == "50%"
    assert filled["pool"]["window"] == 1
    assert filled["health"]["path"] == "/"
    assert filled["gates"] == []
    assert filled["release"]["keep_good"] == 3


def test_defaults_are_not_shared_between_contracts():
    check(spec(), RIGHT)[0]["gates"].append("mine")
    assert check(spec(), RIGHT)[0]["gates"] == []


def test_a_gate_is_filled_in():
    filled, found = check(spec(), changed("gates", [{"name": "smoke", "command": ["{python}", "smoke.py"]}]))
    assert found == []
    assert filled["gates"] == [
        {
            "name": "smoke",
            "command": ["{python}", "smoke.py"],
            "runs_on": "controller",
            "results": "*.xml",
            "format": "auto",
            "timeout_seconds": 300,
        }
    ]


@pytest.mark.parametrize(
    ("key", "value", "becomes"),
    [
        pytest.param("pool.floor", 0, 0, id="a count of none"),
        pytest.param("pool.floor", "75%", "75%", id="a percentage"),
        pytest.param("pool.floor", "007%", "7%", id="a percentage written oddly"),
        pytest.param("pool.check_seconds", 2, 2.0, id="a whole number where a fraction may be"),
        pytest.param("pool.window", None, 1, id="null takes the default"),
        pytest.param("release.root", "/srv/data-sette", "/srv/data-sette", id="a folder"),
        pytest.param("health.path", "/-/versions.json?x=1", "/-/versions.json?x=1", id="a path with a query"),
        pytest.param("artifact.build", ["python3", "-c", "a\nb"], ["python3", "-c", "a\nb"], id="a command of lines"),
        pytest.param("artifact.versions", ["0.64.8"], ["0.64.8"], id="versions"),
    ],
)
def test_values_that_are_taken(key, value, becomes):
    filled, found = check(spec(), changed(key, value))
    assert found == []
    for part in key.split("."):
        filled = filled[part]
    assert filled == becomes
    assert type(filled) is type(becomes)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        pytest.param(
            "listen.port", "8001", "'8001' is not a whole number from 1 to 65535 (a text", id="a quoted number"
        ),
        pytest.param("listen.port", 0, "0 is not a whole number from 1 to 65535", id="port 0"),
        pytest.param("listen.port", 65536, "65536 is not", id="a port too high"),
        pytest.param("listen.port", True, "True is not a whole number", id="a flag for a number"),
        pytest.param("listen.port", 80.5, "80.5 is not a whole number", id="a fraction for a whole number"),
        pytest.param("listen.port", None, "is missing: The TCP port on each member", id="a required key that is null"),
        pytest.param("pool.maintenance_port", 80, "from 1024", id="the customers' port"),
        pytest.param("pool.floor", 0.5, "0.5 is neither a count", id="a share as a fraction"),
        pytest.param("pool.floor", "101%", "'101%' is neither", id="more than all"),
        pytest.param("pool.floor", "-1%", "'-1%' is neither", id="less than none in percent"),
        pytest.param("pool.floor", -1, "-1 is neither", id="less than none"),
        pytest.param("pool.window", 0, "from 1 up", id="a window of none"),
        pytest.param("pool.window", "0%", "from 1 up", id="a window of no percent"),
        pytest.param("pool.domain", "Data.example", "small letters", id="a domain in capitals"),
        pytest.param("pool.domain", "a.example:80", "not a host name", id="a domain with a port"),
        pytest.param("pool.domain", "a.example\n", "one line", id="a domain that ends a line"),
        pytest.param("pool.balance", "roundrobbin", "did you mean roundrobin?", id="a choice misspelled"),
        pytest.param("pool.drain_cut", "yes", "'yes' is not true or false", id="a text for a flag"),
        pytest.param("pool.check_seconds", float("nan"), "nan is not a number", id="not a number"),
        pytest.param("health.path", "health", "not a path of a URL", id="a path without its slash"),
        pytest.param("health.path", "/a b", "not a path of a URL", id="a path with a space"),
        pytest.param("release.root", "/srv", "two parts", id="a folder of the system"),
        pytest.param("release.root", "/srv/../etc", "not an absolute path", id="a folder that leads elsewhere"),
        pytest.param("release.root", "srv/x", "not an absolute path", id="a relative folder"),
        pytest.param("release.activate", ["systemctl restart x"], "not a command as a list", id="a command as a text"),
        pytest.param("release.activate", "true", "'true' is not a list", id="a text for a list"),
        pytest.param(
            "release.prepare", [["sleep", 5]], "5 in ['sleep', 5] is not a text: put it in quotes", id="a number"
        ),
        pytest.param("artifact.build", [""], "names no command", id="a command without a name"),
        pytest.param("artifact.versions", [0.64], "0.64 is no version name", id="a version that YAML made a number"),
        pytest.param("summary", 7, "7 is not a text: put it in quotes", id="a number for a text"),
        pytest.param("summary", "  ", "not one line of text", id="a text of nothing"),
        pytest.param("pool", 7, "7 is not a mapping with keys (domain, maintenance_port", id="a number for a mapping"),
        pytest.param("summary", "x" * 300 + "\n", "(304 characters)", id="a long text isn't printed whole"),
    ],
)
def test_values_that_are_refused(key, value, says):
    found = problems(changed(key, value))
    text = next(text for at, text in found.items() if at.startswith(key))
    assert says in text
    assert len(found) == 1


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        pytest.param("health.statsu", 200, "did you mean health.status?", id="misspelled on its level"),
        pytest.param("helth", {}, "did you mean health?", id="misspelled at the top"),
        pytest.param("port", 80, "did you mean listen.port?", id="on the wrong level"),
        pytest.param("pool.failures", 1, "did you mean budget.failures?", id="in the wrong part"),
        pytest.param("budget.zzz", 1, "there are failures", id="like nothing"),
        pytest.param("service", "x", "there is no such key", id="what the lookup adds"),
        pytest.param("folder", "x", "there is no such key", id="what the lookup adds, the folder"),
    ],
)
def test_unknown_keys_name_the_nearest(key, value, says):
    assert says in problems(changed(key, value))[key]


def test_a_key_that_is_no_text():
    data = {**RIGHT, True: 1}  # what YAML makes of `on:`
    assert "there is no such key" in problems(data)["True"]


@pytest.mark.parametrize(
    ("health", "says"),
    [
        pytest.param({}, "version_json, version_header, version_pattern is wanted, not none", id="none"),
        pytest.param({"version_json": "a", "version_header": "B"}, "version_json and version_header", id="two"),
    ],
)
def test_exactly_one_version_key(health, says):
    assert says in problems({**RIGHT, "health": health})["health"]


def test_null_takes_a_version_key_away():
    assert problems({**RIGHT, "health": {"version_json": None, "version_header": "X-Version"}}) == {}


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        pytest.param(r"version (\S+)", None, id="one group"),
        pytest.param("version", "0 groups", id="no group"),
        pytest.param("(a)(b)", "2 groups", id="two groups"),
        pytest.param("(", "not a regular expression", id="broken"),
    ],
)
def test_version_patterns(pattern, says):
    found = problems({**RIGHT, "health": {"version_pattern": pattern}})
    assert found == {} if says is None else says in found["health.version_pattern"]


@pytest.mark.parametrize(
    ("gate", "key", "says"),
    [
        pytest.param({"name": "a"}, "gates[0].command", "is missing", id="no command"),
        pytest.param({"name": "a", "command": ["x"], "result": "*"}, "gates[0].result", "gates[0].results", id="a key"),
        pytest.param({"name": "a", "command": ["x"], "results": "../*"}, "gates[0].results", "below", id="a way out"),
        pytest.param({"name": "a", "command": ["x"], "format": "junt"}, "gates[0].format", "junit?", id="a format"),
        pytest.param({"name": "a", "command": ["x"], "runs_on": "host"}, "gates[0].runs_on", "member", id="a place"),
        pytest.param("smoke", "gates[0]", "not a mapping", id="a text for a gate"),
    ],
)
def test_wrong_gates(gate, key, says):
    assert says in problems({**RIGHT, "gates": [gate]})[key]


def test_everything_wrong_is_told_at_once():
    assert set(problems({"listen": {"port": 0}, "pool": {"domain": "a.example"}, "x": 1})) == {
        "x",
        "summary",
        "listen.port",
        "health",
        "pool.maintenance_port",
    }
