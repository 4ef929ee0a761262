from __future__ import annotations

import pytest
from ansible_collections.golden.fleet.plugins.module_utils._names import check_service, check_version


@pytest.mark.parametrize("name", ["1", "0.64.8", "v2-rc.1", "1.0+build_7", "a" * 64])
def test_version_names_that_are_taken(name):
    assert check_version(name) == name


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("", "''", id="empty"),
        pytest.param("../../etc", "'../../etc'", id="a way out"),
        pytest.param("1..2", "two dots", id="dots inside"),
        pytest.param(".hidden", "letter or digit first", id="a dot first"),
        pytest.param("1.0\n", "1.0\\n", id="a line end at the end"),
        pytest.param("a/b", "'a/b'", id="a slash"),
        pytest.param("x" * 300, "300 characters", id="long, and not printed whole"),
        pytest.param("1.0 beta", "'1.0 beta'", id="a space"),
        pytest.param("٣.1", "letters, digits", id="digits of another script"),
        pytest.param(0.64, "must be quoted", id="a number of YAML"),
        pytest.param(None, "None", id="nothing"),
    ],
)
def test_version_names_that_are_refused(name, says):
    with pytest.raises(ValueError, match="is no version name") as error:
        check_version(name)
    assert says in str(error.value)
    assert len(str(error.value)) < 250


@pytest.mark.parametrize("name", ["datasette", "swagger_ui", "a1"])
def test_service_names_that_are_taken(name):
    assert check_service(name) == name


@pytest.mark.parametrize("name", ["", "swagger-ui", "Data", "1st", "a b", "../x", "_x", 7, "datasette\n"])
def test_service_names_that_are_refused(name):
    with pytest.raises(ValueError, match="is no name for a service"):
        check_service(name)
