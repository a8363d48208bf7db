"""The settings table: one place, three ways to write it, one line for whatever is wrong."""

import dataclasses
from pathlib import Path

import pytest

from lambent.settings import Settings, SettingsError, check_server, is_loopback, load, table


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No lambent.toml of the developer takes part."""
    monkeypatch.chdir(tmp_path)


def settings(flags: dict[str, str] | None = None, environ: dict[str, str] | None = None, toml: str = "") -> Settings:
    if toml:
        Path("lambent.toml").write_text(toml, encoding="utf-8")
    return load("dev", flags=flags or {}, environ=environ or {})


def complaint(flags: dict[str, str] | None = None, environ: dict[str, str] | None = None, toml: str = "") -> str:
    with pytest.raises(SettingsError) as raised:
        settings(flags, environ, toml)
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_the_defaults_are_those_of_the_table() -> None:
    defaults = settings()
    assert (defaults.host, defaults.port, defaults.default_region) == ("127.0.0.1", 4566, "us-east-1")
    assert defaults.log_retention_bytes == 2 * 1024**3
    assert not defaults.insecure
    assert not defaults.example
    assert defaults.memory_capacity_mb > 128


def test_every_field_is_a_row_and_every_row_is_documented_by_a_sentence() -> None:
    assert [row.name for row in table()] == [field.name for field in dataclasses.fields(Settings)]
    for row in table():
        assert row.help.endswith("."), row.name
        assert row.help[0].isupper(), row.name
        assert row.expects
        assert row.default


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_file() -> None:
    toml = 'port = 1\nhost = "localhost"\nlog_level = "error"'
    environ = {"LAMBENT_PORT": "2", "LAMBENT_HOST": "::1"}
    read = settings({"port": "3"}, environ, toml)
    assert (read.port, read.host, read.log_level) == (3, "::1", "error")


def test_the_file_may_be_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text("port = 7")
    assert load("dev", flags={}, environ={}, config=path).port == 7
    assert load("dev", flags={}, environ={"LAMBENT_CONFIG": str(path)}).port == 7


def test_toml_has_real_numbers_booleans_and_lists() -> None:
    read = settings(toml='insecure = true\nidle_timeout_seconds = 1.5\nallowed_hosts = ["a.test", "*.b.test"]')
    assert read.insecure
    assert read.idle_timeout_seconds == 1.5
    assert read.allowed_hosts == ("a.test", "*.b.test")


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("10", 10), ("1kB", 1000), ("1KiB", 1024), ("500MB", 500_000_000), ("2 GiB", 2 << 30)]
)
def test_sizes_have_decimal_and_binary_units(text: str, size: int) -> None:
    assert settings({"log_retention_bytes": text}).log_retention_bytes == size


def test_paths_are_absolute_and_know_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert settings({"data_directory": "~/state"}).data_directory == Path("/home/ada/state")
    assert settings({"data_directory": "here"}).data_directory == tmp_path / "here"


def test_state_is_where_xdg_says_for_dev_and_the_systems_for_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert settings().data_directory == Path("/home/ada/.local/state/lambent")
    assert settings(environ={"XDG_STATE_HOME": "/state"}).data_directory == Path("/state/lambent")
    assert settings(environ={"XDG_STATE_HOME": "relative"}).data_directory == Path("/home/ada/.local/state/lambent")
    assert load("serve", flags={}, environ={}).data_directory == Path("/var/lib/lambent")


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ({"port": "http"}, "--port: expected a whole number from 0 to 65,535, not 'http'"),
        ({"port": "65536"}, "--port: expected a whole number from 0 to 65,535, not '65536'"),
        ({"concurrency_limit": "99"}, "--concurrency-limit: expected a whole number from 100 to 1,000,000, not '99'"),
        ({"idle_timeout_seconds": "inf"}, "--idle-timeout-seconds: expected a number, at least 0, not 'inf'"),
        ({"idle_timeout_seconds": "nan"}, "--idle-timeout-seconds: expected a number, at least 0, not 'nan'"),
        ({"log_level": "loud"}, "--log-level: expected one of debug, info, warning, error, not 'loud'"),
        ({"log_retention_bytes": "2 GX"}, "--log-retention-bytes: expected a size such as 500MB or 2GiB, not '2 GX'"),
        ({"host": "a b"}, "--host: expected a host name or an IP address, not 'a b'"),
        ({"data_directory": ""}, "--data-directory: expected the path of a folder, not ''"),
        ({"default_region": "Europe"}, "--default-region: expected a region such as eu-west-1, not 'Europe'"),
        ({"insecure": "maybe"}, "--insecure: expected true or false, not 'maybe'"),
        (
            {"allowed_origins": "localhost:3000"},
            "--allowed-origins: expected origins such as http://localhost:3000, separated by commas, not 'localhost:3000'",
        ),
        *(
            (
                {"url_domain": text},
                f"--url-domain: expected a scheme and a domain such as https://lambda.example.com, not '{text}'",
            )
            for text in ("lambda.example.com", "ftp://a.example", "https://a.example/b", "https://.example", "https://")
        ),
        (
            {"python_sdk": "newest"},
            "--python-sdk: expected bundled, none, or a version of boto3 such as 1.40.4, not 'newest'",
        ),
    ],
)
def test_a_wrong_value_is_one_line_that_says_what_is_right(flags: dict[str, str], line: str) -> None:
    assert complaint(flags) == line


def test_a_wrong_variable_and_a_wrong_key_are_named_as_they_were_written() -> None:
    assert complaint(environ={"LAMBENT_PORT": "x"}).startswith("LAMBENT_PORT: expected a whole number")
    assert complaint(toml='port = "x"').startswith("lambent.toml: port: expected a whole number")
    assert complaint(toml="port = [1]").startswith("lambent.toml: port: expected a whole number")


def test_an_unknown_setting_is_an_error_with_the_nearest_name() -> None:
    assert complaint(environ={"LAMBENT_PROT": "1"}) == "LAMBENT_PROT: no such setting; did you mean LAMBENT_PORT?"
    assert (
        complaint(toml="datadirectory = 1")
        == "lambent.toml: datadirectory: no such setting; did you mean data_directory?"
    )
    assert complaint(toml="zzz = 1") == "lambent.toml: zzz: no such setting"


def test_a_file_that_is_missing_or_not_toml_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: No such file or directory"):
        load("dev", flags={}, environ={}, config=tmp_path / "none.toml")
    assert complaint(toml="port = = 1").startswith("lambent.toml: not TOML: ")


def test_what_exists_for_dev_only_is_refused_for_serve() -> None:
    with pytest.raises(SettingsError, match="LAMBENT_INSECURE: a setting of lambent dev only"):
        load("serve", flags={}, environ={"LAMBENT_INSECURE": "1"})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_dev_listens_beyond_loopback_only_when_told_twice(host: str) -> None:
    with pytest.raises(SettingsError, match="add --insecure if that is meant"):
        check_server(settings({"host": host}), "dev")
    check_server(settings({"host": host, "insecure": "true"}), "dev")
    check_server(load("serve", flags={"host": host}, environ={}), "serve")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost", "api.localhost"])
def test_loopback_names(host: str) -> None:
    assert is_loopback(host)
    check_server(settings({"host": host}), "dev")


@pytest.mark.parametrize("text", ["bundled", "none", "1.40.4"])
def test_python_sdks(text: str) -> None:
    assert settings({"python_sdk": text}).python_sdk == text
