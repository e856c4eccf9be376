"""Settings: where they come from, which source wins, and what is refused."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from drum_like.config.command_line import flags_of
from drum_like.config.model_settings import CommandSettings, LoadSettings, ModelSettings
from drum_like.config.server_settings import ServerSettings
from drum_like.config.settings import BY_VERB, assemble, options, values_of
from drum_like.config.settings import load as load_settings
from drum_like.config.value_types import Address, address
from drum_like.config.verbs import UsageError
from drum_like.errors import SettingsError
from drum_like.types.target import TargetType


def parameter(payload: object, kind: str = "numeric") -> str:
    return json.dumps({"type": kind, "payload": payload})


def load(tmp_path: Path, *flags: str, env: Mapping[str, str] | None = None) -> ServerSettings:
    return load_settings(ServerSettings, ["server", "--code-dir", str(tmp_path), *flags], env or {})


def test_defaults_stand_where_nothing_is_said(tmp_path: Path) -> None:
    settings = load(tmp_path)

    assert settings == ServerSettings(model=ModelSettings(code_dir=tmp_path.resolve()))
    assert (settings.host, settings.port) == ("127.0.0.1", 6789)


def test_every_setting_has_its_own_variable(tmp_path: Path) -> None:
    samples = {
        "address": "127.0.0.2:7",
        "target_type": "anomaly",
        "threads": "3",
        "url_prefix": "/a",
        "hide_errors": "yes",
        "log_format": "json",
    }
    env = {f"DRUM_LIKE_{name.upper()}": text for name, text in samples.items()}

    from_environment = load(tmp_path, env=env)

    flags = [
        f"--{name.replace('_', '-')}={text}" for name, text in samples.items() if text != "yes"
    ]
    assert from_environment == load(tmp_path, *flags, "--hide-errors")
    assert from_environment != load(tmp_path)


@pytest.mark.parametrize(
    ("env", "flags", "expected"),
    [
        pytest.param({"TARGET_TYPE": "anomaly"}, [], TargetType.ANOMALY, id="variable"),
        pytest.param({"TARGET_TYPE": ""}, [], None, id="empty-is-unset"),
        pytest.param(
            {"TARGET_TYPE": "anomaly"},
            ["--target-type", "regression"],
            TargetType.REGRESSION,
            id="flag-wins",
        ),
        pytest.param(
            {"TARGET_TYPE": "anomaly"},
            ["--target-type=regression"],
            TargetType.REGRESSION,
            id="flag-with-equals-wins",
        ),
        pytest.param(
            {"TARGET_TYPE": "anomaly"},
            ["--target-t", "regression"],
            TargetType.REGRESSION,
            id="short-flag-wins",
        ),
        pytest.param(
            {"TARGET_TYPE": "anomaly", "DRUM_LIKE_TARGET_TYPE": "transform"},
            [],
            TargetType.TRANSFORM,
            id="own-variable-before-drums",
        ),
    ],
)
def test_flag_then_environment_then_default(
    tmp_path: Path, env: dict[str, str], flags: list[str], expected: TargetType | None
) -> None:
    assert load(tmp_path, *flags, env=env).model.target_type is expected


def test_short_code_dir_wins_over_the_variable(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()

    words = ["server", "-cd", str(tmp_path)]
    settings = load_settings(ServerSettings, words, {"CODE_DIR": str(other)})

    assert settings.model.code_dir == tmp_path.resolve()


def test_code_dir_is_a_real_path(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path, target_is_directory=True)

    settings = load_settings(ServerSettings, ["server", "-cd", str(link)], {})

    assert settings.model.code_dir == tmp_path.resolve()


@pytest.mark.parametrize("word", ["true", "T", "y", "Yes", "on", "1"])
def test_true_words_switch_on(tmp_path: Path, word: str) -> None:
    assert load(tmp_path, env={"WITH_ERROR_SERVER": word}).with_error_server


@pytest.mark.parametrize("word", ["false", "n", "NO", "off", "0", "none"])
def test_false_words_leave_off(tmp_path: Path, word: str) -> None:
    assert not load(tmp_path, env={"WITH_ERROR_SERVER": word}).with_error_server


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"WITH_ERROR_SERVER": "f"}, "WITH_ERROR_SERVER must be one of the words"),
        ({"TARGET_TYPE": "zzz"}, "TARGET_TYPE must be one of binary, regression"),
        ({"MAX_WORKERS": "0"}, "MAX_WORKERS must be > 0"),
        ({"WEB_CONCURRENCY": "two"}, "WEB_CONCURRENCY must be a whole number"),
        ({"ADDRESS": "host:port"}, "ADDRESS must be host:port"),
        ({"URL_PREFIX": "pre"}, "URL_PREFIX must start with a slash"),
        ({"PORT": "http"}, "PORT must be a port"),
        ({"RUNTIME_PARAMS_FILE": "nope"}, "The file nope does not exist!"),
        ({"MONITOR": "maybe"}, "MONITOR must be one of the words"),
        ({"MLOPS_RUNTIME_PARAM_CUSTOM_MODEL_WORKERS": "60"}, "Invalid runtime parameter!"),
        ({"MLOPS_RUNTIME_PARAM_CUSTOM_MODEL_WORKERS": "{"}, "Invalid runtime parameter json"),
    ],
    ids=lambda case: next(iter(case)) if isinstance(case, dict) else "",
)
def test_wrong_variable_is_named(tmp_path: Path, env: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        load(tmp_path, env=env)

    assert not isinstance(caught.value, UsageError)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["server"], "the following arguments are required: -cd/--code-dir"),
        (["score", "-cd", "."], "the following arguments are required: --input"),
        (["server", "-cd", "nope"], "The path nope is not a directory!"),
        (["new", "model", "-cd", "."], "The path . already exists!"),
        (["score", "-cd", ".", "--input", "nope"], "The file nope does not exist!"),
        (["server", "-cd", ".", "--max-workers", "0"], "--max-workers: must be > 0"),
        (["server", "-cd", ".", "--target-type", "zzz"], "'zzz' is not a valid TargetType"),
        (["server", "-cd", ".", "--targettype", "x"], "did you mean --target-type?"),
        (["server", "-cd", ".", "--max", "1"], "ambiguous option"),
        (["server", "-cd", ".", "--log-format", "xml"], "invalid choice: 'xml'"),
        (["sevrer", "-cd", "."], "did you mean server?"),
        (["new", "modle"], "did you mean new model?"),
        (["--code-dir", "."], "a verb has to come before --code-dir"),
        (["server", "-cd", ".", "--require-auth"], "no credentials"),
        (
            ["server", "-cd", ".", "--positive-class-label=x"],
            "both positive and negative class labels have to be provided",
        ),
        (
            ["server", "-cd", ".", "--class-labels", "a", "b", "--class-labels-file", "f"],
            "but not both",
        ),
    ],
    ids=lambda case: " ".join(case) if isinstance(case, list) else "",
)
def test_wrong_command_line_is_a_usage_error(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_settings(CommandSettings, words, {})

    assert message in str(caught.value)
    assert caught.value.usage.startswith("usage: drum-like ")


@pytest.mark.parametrize("verb", ["fit", "train", "push"])
def test_verbs_of_the_cloud_say_that_they_are_not_done(verb: str) -> None:
    with pytest.raises(SettingsError, match=f"no verb '{verb}'"):
        load_settings(CommandSettings, [verb, "--anything"], {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0.0.0:8080", ("0.0.0.0", 8080)),
        ("localhost", ("localhost", 6789)),
        (":80", ("127.0.0.1", 80)),
        ("[::1]:80", ("::1", 80)),
        ("[::1]", ("::1", 6789)),
        ("::1", ("::1", 6789)),
    ],
)
def test_address_has_a_host_and_a_port(text: str, expected: tuple[str, int]) -> None:
    assert address(text) == expected


@pytest.mark.parametrize("text", ["h:x", "h:-1", "h:65536", "h:\u0661", "[::1]x"])
def test_address_with_a_wrong_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="port between 0 and 65535"):
        address(text)


def test_address_prints_as_it_is_written() -> None:
    assert [str(Address("h", 1)), str(Address("::1", 1))] == ["h:1", "[::1]:1"]


@pytest.mark.parametrize(
    "text", ["unix:/run/m.sock", "unix:///run/m.sock", "unix:/run/../run/m.sock"]
)
def test_address_of_a_unix_socket_has_a_path(text: str) -> None:
    found = address(text)

    assert found.path in ("/run/m.sock", "/run/../run/m.sock")
    assert str(found) == f"unix:{found.path}"
    assert not found.is_loopback


def test_a_relative_path_of_a_unix_socket_is_below_the_working_directory() -> None:
    assert address("unix:./m.sock").path == str(Path("m.sock").absolute())
    assert address("unix:7") == ("unix", 7)
    assert address("h:7").path == ""


EVERYWHERE = {
    "AIP_HTTP_PORT": "1",
    "SAGEMAKER_BIND_TO_PORT": "2",
    "ADDRESS": "127.0.0.1:3",
    "SERVER_PORT": "4",
    "PORT": "5",
}


@pytest.mark.parametrize(
    ("n_gone", "expected"),
    [
        (0, ("0.0.0.0", 1)),
        (1, ("0.0.0.0", 2)),
        (2, ("127.0.0.1", 3)),
        (3, ("0.0.0.0", 4)),
        (4, ("0.0.0.0", 5)),
        (5, ("127.0.0.1", 6789)),
    ],
)
def test_platforms_name_the_port_in_their_order(
    tmp_path: Path, n_gone: int, expected: tuple[str, int]
) -> None:
    env = dict(list(EVERYWHERE.items())[n_gone:])

    assert load(tmp_path, env=env).address == expected


@pytest.mark.parametrize(
    ("flags", "env"),
    [(["--address", "127.0.0.1:9"], {}), ([], {"DRUM_LIKE_ADDRESS": "127.0.0.1:9"})],
    ids=["flag", "own-variable"],
)
def test_an_address_of_our_own_beats_every_platform(
    tmp_path: Path, flags: list[str], env: dict[str, str]
) -> None:
    assert load(tmp_path, *flags, env=EVERYWHERE | env).address == ("127.0.0.1", 9)


@pytest.mark.parametrize(
    ("words", "env", "expected"),
    [
        (["serve"], {}, True),
        (["server"], {"SAGEMAKER_BATCH": "True"}, True),
        (["server", "--sagemaker"], {}, True),
        (["server"], {"DRUM_LIKE_SAGEMAKER": "no", "SAGEMAKER_BATCH": "True"}, False),
        (["server"], {}, False),
    ],
)
def test_signs_of_sagemaker_make_every_request_its(
    tmp_path: Path, words: list[str], env: dict[str, str], *, expected: bool
) -> None:
    settings = load_settings(ServerSettings, words, {"CODE_DIR": str(tmp_path), **env})

    assert settings.platform.sagemaker is expected


def test_sagemakers_model_is_below_its_base(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "other").mkdir()
    base = {"SAGEMAKER_BASE_DIR": str(tmp_path)}
    named = {**base, "SM_MODEL_DIR": str(tmp_path / "other")}

    found = [load_settings(ServerSettings, ["serve"], env).model.code_dir for env in (base, named)]

    assert found == [tmp_path / "model", tmp_path / "other"]


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"WORKER_COUNT": "3", "WORKER_TIMEOUT": "20"}, (3, 20)),
        ({"WORKER_TIMEOUT": "20", "SCORING_TIMEOUT_MS": "1500"}, (None, 2)),
        ({"WORKER_COUNT": "3", "MAX_WORKERS": "4"}, (4, 600)),
    ],
)
def test_azure_names_workers_and_a_time_limit(
    tmp_path: Path, env: dict[str, str], expected: tuple[int | None, int]
) -> None:
    on_azure = load_settings(
        ServerSettings, ["server"], {"AZUREML_MODEL_DIR": str(tmp_path), **env}
    )
    elsewhere = load(tmp_path, env={name: env[name] for name in env if name != "MAX_WORKERS"})

    assert (on_azure.max_workers, on_azure.request_timeout_s) == expected
    assert (elsewhere.max_workers, elsewhere.request_timeout_s) == (None, 600)


def test_a_wrong_number_of_azure_is_named(tmp_path: Path) -> None:
    env = {"AZUREML_MODEL_DIR": str(tmp_path), "WORKER_COUNT": "many"}

    with pytest.raises(SettingsError, match="WORKER_COUNT must be"):
        load_settings(ServerSettings, ["server"], env)


def test_serve_means_a_server_on_port_8080(tmp_path: Path) -> None:
    settings = load_settings(ServerSettings, ["serve"], {"CODE_DIR": str(tmp_path)})

    assert (settings.verb, settings.address) == ("server", ("0.0.0.0", 8080))


@pytest.mark.parametrize(
    ("flags", "env", "expected"),
    [
        (["--class-labels", "x", "y", "z"], {}, ("x", "y", "z")),
        ([], {"CLASS_LABELS": "A  B C"}, ("A", "B", "C")),
        (["--class-labels-file", "labels.txt"], {}, ("one", "two words")),
        ([], {"CLASS_LABELS": "A B", "CLASS_LABELS_FILE": "labels.txt"}, ("one", "two words")),
        (["--class-labels", "x", "y"], {"CLASS_LABELS_FILE": "nope"}, ("x", "y")),
        (["--class-labels-file", "labels.txt"], {"CLASS_LABELS": "A B"}, ("one", "two words")),
    ],
    ids=["flag", "variable", "file", "file-variable-first", "flag-hides-file", "file-hides-list"],
)
def test_class_labels_come_from_one_source(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
    env: dict[str, str],
    expected: tuple[str, ...],
) -> None:
    (tmp_path / "labels.txt").write_bytes(b"one\r\n\r\ntwo words\r\n")
    monkeypatch.chdir(tmp_path)

    assert load(tmp_path, *flags, env=env).model.class_labels == expected


def test_one_class_label_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^Multiclass classification requires at least 2 lab"):
        load(tmp_path, "--class-labels", "A")


def test_missing_labels_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"The file nope\.txt does not exist"):
        load(tmp_path, "--class-labels-file", "nope.txt")


@pytest.mark.parametrize(
    ("name", "payload", "field", "expected"),
    [
        ("CUSTOM_MODEL_WORKERS", 3, "max_workers", 3),
        ("CUSTOM_MODEL_WORKERS", "3", "max_workers", 3),
        ("CUSTOM_MODEL_WORKERS", 200, "max_workers", None),
        ("CUSTOM_MODEL_WORKERS", "many", "max_workers", None),
        ("CUSTOM_MODEL_WORKERS", None, "max_workers", None),
        ("DRUM_CLIENT_REQUEST_TIMEOUT", 0, "request_timeout_s", 0),
        ("DRUM_CLIENT_REQUEST_TIMEOUT", 3601, "request_timeout_s", 600),
        ("DRUM_WEBSERVER_BACKLOG", 10, "backlog", 10),
        ("DRUM_GUNICORN_MAX_REQUESTS", 10, "max_requests", 10),
        ("DRUM_GUNICORN_MAX_REQUESTS_JITTER", 10, "max_requests_jitter", 10),
        ("DRUM_GUNICORN_GRACEFUL_TIMEOUT", 10, "graceful_timeout_s", 10),
        ("DRUM_GUNICORN_KEEP_ALIVE", 10, "keep_alive_s", 10),
        ("DRUM_GUNICORN_LOG_LEVEL", "DEBUG", "server_log_level", "debug"),
        ("DRUM_GUNICORN_LOG_LEVEL", "loud", "server_log_level", "info"),
    ],
)
def test_runtime_parameters_steer_the_server(
    tmp_path: Path, name: str, payload: object, field: str, expected: object
) -> None:
    kind = "string" if isinstance(payload, str) else "numeric"
    env = {f"MLOPS_RUNTIME_PARAM_{name}": parameter(payload, kind)}

    assert getattr(load(tmp_path, env=env), field) == expected


def test_workers_of_a_runtime_parameter_beat_flag_and_variable(tmp_path: Path) -> None:
    env = {"MLOPS_RUNTIME_PARAM_CUSTOM_MODEL_WORKERS": parameter(3), "MAX_WORKERS": "4"}

    assert load(tmp_path, "--max-workers", "5", env=env).max_workers == 3


def test_a_flag_beats_other_runtime_parameters(tmp_path: Path) -> None:
    env = {"MLOPS_RUNTIME_PARAM_DRUM_CLIENT_REQUEST_TIMEOUT": parameter(3)}

    assert load(tmp_path, "--request-timeout-s", "5", env=env).request_timeout_s == 5


@pytest.mark.parametrize(
    ("env", "note"),
    [
        ({"MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYPE": parameter("Werkzeug", "string")}, "werkzeug"),
        ({"MLOPS_RUNTIME_PARAM_DRUM_GUNICORN_WORKER_CLASS": parameter("gevent", "string")}, "no "),
        ({"MLOPS_RUNTIME_PARAM_DRUM_WORKER_CONNECTIONS": parameter(9)}, "has no effect"),
        (
            {"MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYPE": parameter("zzz", "string")},
            (
                "Server type 'zzz' is not supported. Supported types: ['gunicorn', 'werkzeug']. "
                "Falling back to gunicorn."
            ),
        ),
        ({"MONGO_CONNECT": "mongodb://x"}, "MONGO_CONNECT has no effect"),
        ({"TRITON_HOST": "http://x"}, "--triton-host is accepted but has no effect"),
        (
            {"MLOPS_REPORTING_FROM_UNSTRUCTURED_MODELS": "1", "TARGET_TYPE": "unstructured"},
            "--monitor-embedded",
        ),
    ],
)
def test_other_servers_get_one_line(tmp_path: Path, env: dict[str, str], note: str) -> None:
    notes = load(tmp_path, env=env).notes

    assert len(notes) == 1
    assert note in notes[0]


@pytest.mark.parametrize(
    "env",
    [
        {"MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYPE": parameter("gunicorn", "string")},
        {"MLOPS_RUNTIME_PARAM_DRUM_GUNICORN_WORKER_CLASS": parameter("sync", "string")},
        {"MONITOR": "no"},
        {"MODEL_ID": "5"},
    ],
)
def test_what_is_done_anyway_gets_no_line(tmp_path: Path, env: dict[str, str]) -> None:
    assert load(tmp_path, "--language", "python", env=env).notes == ()


def test_flags_of_the_cloud_get_a_line_each(tmp_path: Path) -> None:
    words = ["--docker", "image", "--skip-deps-install", "--memory", "1g", "--webserver", "w"]
    words += ["--monitor", "--model-id", "m", "--deployment-id", "d", "--monitor-settings", "s"]

    notes = load(tmp_path, *words, "--allow-dr-api-access", "--api-token", "t").notes

    assert [note.split()[0] for note in notes] == [
        "--monitor",
        "--allow-dr-api-access",
        "--docker",
        "--memory",
    ]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--skip-deps-install"],
            "Argument '--skip-deps-install' can only be used together with '--docker'.",
        ),
        (
            ["--production"],
            "Production mode requires a non-zero number of workers [--max-workers > 0].",
        ),
        (
            ["--monitor-embedded", "--target-type", "regression"],
            "Error: MLOps embedded monitoring is supported for unstructured modes only.",
        ),
        (
            ["--allow-dr-api-access", "--webserver", "w"],
            (
                "Error: DataRobot APIs access requires certain option(s) that are missing.\n"
                "Missing options:\n  --api-token"
            ),
        ),
        (
            ["--monitor", "--target-type", "unstructured"],
            "Error: MLOps monitoring can not be used in unstructured mode.",
        ),
        (
            ["--monitor", "--model-id", "m"],
            (
                "Error: MLOps Monitoring requires all monitoring options to be present.\n"
                "Note: The following MLOps monitoring option(s) is/are missing:\n"
                "  --deployment-id\n  --monitor-settings"
            ),
        ),
    ],
)
def test_flags_of_the_cloud_are_checked_as_drum_does(
    tmp_path: Path, flags: list[str], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, *flags)

    assert str(caught.value) == message


def test_a_prefix_loses_its_last_slash(tmp_path: Path) -> None:
    assert load(tmp_path, env={"URL_PREFIX": "/pre/fix/"}).url_prefix == "/pre/fix"


@pytest.mark.parametrize("text", ["//a", "/a//b", "/<x>", "/<int:x>", "/a\nb", "/a\x1b"])
def test_a_prefix_is_a_plain_path(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="plain path"):
        load(tmp_path, env={"URL_PREFIX": text})


def test_no_limit_of_sagemaker_is_a_limit_out_of_reach(tmp_path: Path) -> None:
    assert load(tmp_path, env={"SAGEMAKER_MAX_PAYLOAD_IN_MB": "0"}).max_body_mb == 1024**2


def test_flags_of_settings_give_the_same_settings(tmp_path: Path) -> None:
    settings = ServerSettings(
        model=ModelSettings(
            code_dir=tmp_path.resolve(),
            class_labels=("a b", "c"),
            target_type=TargetType.MULTICLASS,
        ),
        load=LoadSettings(no_pickle=True),
        threads=3,
        address=Address("::1", 5),
        contracts=("drum",),
    )
    chosen = {name: value for name, value in values_of(settings).items() if value not in (None, "")}
    words = ["server", *flags_of(options(), chosen, "server")]

    assert load_settings(ServerSettings, words, {}) == settings


PASSED_BY_CALLERS = {
    "score": {"hook_threads", "model_name"},
    "validation": {"hook_threads", "model_name"},
    "explain": {"hook_threads", "model_name", "query", "content_type"},
    "calibrate": {"hook_threads", "model_name", "query", "content_type"},
    "doctor": {"query", "content_type"},
    "models push": {"hook_threads", "model_name", "legacy_label_order"},
}
"""Values of the library's functions that loads models, for which these verbs have no flag."""


@pytest.mark.parametrize("verb", BY_VERB)
def test_settings_of_a_verb_are_its_options(verb: str) -> None:
    declared = {name for name, option in options().items() if verb in option.verbs}

    assert values_of(BY_VERB[verb]()).keys() - PASSED_BY_CALLERS.get(verb, set()) == declared


def test_values_of_settings_make_the_same_settings(tmp_path: Path) -> None:
    settings = load(tmp_path, "--threads", "3", "--no-pickle", "--store", str(tmp_path))

    assert assemble(ServerSettings, values_of(settings)) == settings


def test_another_verb_has_other_settings(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="log has other settings than ServerSettings"):
        load_settings(ServerSettings, ["log", "--store", str(tmp_path)], {})
