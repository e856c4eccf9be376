"""Wrong values of every flag of DRUM's verbs: the exit codes of DRUM 1.18.1, and where ours differ.

DRUM was run on a directory of the model REG, with Python 3.11: see COMMANDS. `perf-test` had
`DRUM_SERVER_TYPE=werkzeug`, without which it ends with 1 whatever its flags are.
"""

from dataclasses import dataclass
from pathlib import Path

FLAGS = {
    "score": """
        --code-dir --verbose --input --positive-class-label --negative-class-label --class-labels
        --class-labels-file --logging-level --docker --skip-deps-install --memory --output
        --show-perf --sparse-column-file --language --show-stacktrace --monitor --monitor-embedded
        --deployment-id --model-id --monitor-settings --allow-dr-api-access --webserver --api-token
        --gpu-predictor --sidecar --triton-host --triton-http-port --triton-grpc-port --target-type
        --query --content-type --user-secrets-mount-path --user-secrets-prefix
        --runtime-params-file --lazy-loading-file
    """,
    "server": """
        --code-dir --verbose --positive-class-label --negative-class-label --class-labels
        --class-labels-file --logging-level --docker --skip-deps-install --memory --show-perf
        --address --production --max-workers --with-error-server --language --show-stacktrace
        --monitor --monitor-embedded --deployment-id --model-id --monitor-settings
        --allow-dr-api-access --webserver --api-token --gpu-predictor --sidecar --triton-host
        --triton-http-port --triton-grpc-port --target-type --query --content-type
        --deployment-config --user-secrets-mount-path --user-secrets-prefix --runtime-params-file
        --lazy-loading-file
    """,
    "perf-test": """
        --code-dir --verbose --input --positive-class-label --negative-class-label --class-labels
        --class-labels-file --docker --skip-deps-install --memory --samples --iterations --timeout
        --in-server --url --production --max-workers --language --show-stacktrace --target-type
        --query --content-type --runtime-params-file
    """,
    "validation": """
        --code-dir --input --positive-class-label --negative-class-label --class-labels
        --class-labels-file --docker --skip-deps-install --memory --language --show-stacktrace
        --target-type --query --content-type --runtime-params-file --lazy-loading-file
    """,
    "new-model": "--code-dir --verbose --logging-level --language --show-stacktrace",
    "new": "--verbose --logging-level",
    "fit": """
        --code-dir --verbose --input --positive-class-label --negative-class-label --class-labels
        --class-labels-file --logging-level --docker --skip-deps-install --memory --output --target
        --target-csv --row-weights --row-weights-csv --skip-predict --num-rows
        --sparse-column-file --parameter-file --show-stacktrace --target-type
        --disable-strict-validation --enable-fit-metadata --user-secrets-mount-path
        --user-secrets-prefix
    """,
    "push": """
        --code-dir --verbose --logging-level --docker --skip-deps-install --memory
        --disable-strict-validation --enable-fit-metadata --user-secrets-mount-path
        --user-secrets-prefix
    """,
}
"""The flags that `drum VERB --help` lists."""

_ROWS = "--code-dir m --input in.csv --target-type regression"
COMMANDS = {
    "score": f"score {_ROWS}",
    "server": "server --code-dir m --address 127.0.0.1:0 --target-type regression",
    "perf-test": f"perf-test {_ROWS} -s 1 -i 1",
    "validation": f"validation {_ROWS}",
    "new-model": "new model --code-dir new --language python",
    "new": "new",
    "fit": f"fit {_ROWS} --target a",
    "push": "push --code-dir m",
}
"""The command before the flags of a row; `m` is a model directory, the others are files."""

_OF_DRUM = Path(__file__).with_suffix(".txt").read_text("utf-8")
"""Exit code, flags, verbs. A server has 0 where it serves until it is stopped, and `never` where
DRUM starts workers for ever that fail.
"""

_DIFFERENCES = """
2 | --input m | score perf-test validation | D75
0 | --docker nope | score server perf-test | D75
0 | --language r | score server | D75
0 | --language java | score server | D75
0 | --language other | score server | D75
1 | --query a=1 | server | D37
1 | --content-type x | server | D37
2 | --runtime-params-file m | score server perf-test validation | D75
2 | --lazy-loading-file m | score server validation | D75
0 | --lazy-loading-file in.csv | score server validation | D75
0 | --monitor --deployment-id zzz --model-id zzz --monitor-settings zzz | score server | D75
0 | --allow-dr-api-access --webserver zzz --api-token zzz | score server | D75
0 | --gpu-predictor triton | score server | D75
0 | --triton-host zzz | score server | D75
0 | --triton-http-port x | score server | D75
0 | --triton-http-port -1 | score server | D75
0 | --triton-grpc-port x | score server | D75
0 | --triton-grpc-port 0 | score server | D75
0 | --triton-http-port 8001 | score server | D75
2 | --sparse-column-file m | score | D75
2 | --address 127.0.0.1:x | server | D75
2 | --address 127.0.0.1:99999 | server | D75
2 | --address 127.0.0.1:-1 | server | D75
2 | --deployment-config m | server | D75
1 | --deployment-config in.csv | server | D37
2 | --samples 0 | perf-test | D75
2 | --samples -1 | perf-test | D75
2 | --iterations 0 | perf-test | D75
2 | --iterations -1 | perf-test | D75
2 | --timeout 0 | perf-test | D75
2 | --timeout -1 | perf-test | D75
1 | --language java | new-model | D43
1 | --language r | new-model | D43
"""
"""Our exit code where it is another, flags, verbs, id of the difference."""

_REFUSED_VERBS = ("fit", "push")


@dataclass(frozen=True, slots=True)
class WrongValue:
    """A command line with a wrong value.

    Attributes:
        verb: One of COMMANDS.
        flags: What follows.
        code: The exit code of drum-like.
        by_drum: That of DRUM.
        difference: The id of the difference; none where the codes have to be equal.
    """

    verb: str
    flags: str
    code: int
    by_drum: str
    difference: str

    def __str__(self) -> str:
        """Return the verb and the flags as typed."""
        return f"{self.verb} {self.flags}"


def rows() -> list[WrongValue]:
    """Return every row of the table."""
    ours = {(verb, cells[1]): cells for cells in _cells(_DIFFERENCES) for verb in cells[2].split()}
    found = []
    for code, flags, verbs in _cells(_OF_DRUM):
        for verb in verbs.split():
            differs = ours.pop((verb, flags), None)
            if verb in _REFUSED_VERBS:
                differs = ["1", flags, verb, "D78"] if code != "1" else None
            mine, reason = (differs[0], differs[3]) if differs else (code, "")
            found.append(WrongValue(verb, flags, int(mine), code, reason))
    assert not ours
    return found


def _cells(table: str) -> list[list[str]]:
    return [line.split(" | ") for line in table.strip().splitlines()]
