"""Limits of control groups, read from trees like those that kernels and containers show."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from drum_like.system import cgroup
from drum_like.system.cgroup import Memory

HUGE = str(2**63 - 4096)

Tree = Mapping[str, str]

V2_CONTAINER: Tree = {
    "own": "0::/\n",
    "memory.max": "1073741824\n",
    "memory.current": "5000\n",
    "memory.peak": "9000\n",
}
V1_NAMES = "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.max_usage_in_bytes"


def grown(tree: Tree, root: Path) -> tuple[Path, Path]:
    """Write a tree; return the mount point and the list of groups."""
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root, root / "own"


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        pytest.param(V2_CONTAINER, Memory(1 << 30, 5000, 9000), id="v2-container"),
        pytest.param({**V2_CONTAINER, "memory.max": "max\n"}, Memory(), id="v2-no-limit"),
        pytest.param(
            {name: text for name, text in V2_CONTAINER.items() if name != "memory.peak"},
            Memory(1 << 30, 5000, None),
            id="v2-old-kernel-without-peak",
        ),
        pytest.param(
            {
                "own": "0::/a/b\n",
                "a/memory.max": "100\n",
                "a/memory.current": "60\n",
                "a/b/memory.max": "200\n",
                "a/b/memory.current": "50\n",
            },
            Memory(100, 60, None),
            id="v2-the-tightest-group-counts",
        ),
        pytest.param(
            {
                "own": "5:memory:/a\n0::/\n",
                "memory/a/memory.limit_in_bytes": "4096\n",
                "memory/a/memory.usage_in_bytes": "10\n",
                "memory/a/memory.max_usage_in_bytes": "20\n",
                "memory/memory.limit_in_bytes": HUGE,
            },
            Memory(4096, 10, 20),
            id="v1-own-group",
        ),
        pytest.param(
            {
                "own": "5:memory:/docker/0123abc\n",
                **{f"memory/{name}": "4096\n" for name in V1_NAMES},
            },
            Memory(4096, 4096, 4096),
            id="v1-container-that-is-told-the-path-of-the-host",
        ),
        pytest.param(
            {"own": "5:memory:/\n", "memory/memory.limit_in_bytes": HUGE},
            Memory(),
            id="v1-no-limit",
        ),
        pytest.param(
            {
                "own": "5:memory:/\n0::/x\n",
                "memory/memory.limit_in_bytes": HUGE,
                "unified/x/memory.max": "77\n",
                "unified/x/memory.current": "7\n",
            },
            Memory(77, 7, None),
            id="hybrid",
        ),
        pytest.param({"own": ""}, Memory(), id="no-groups"),
        pytest.param({}, Memory(), id="not-linux"),
    ],
)
def test_memory_is_that_of_the_tightest_limited_group(
    tree: Tree, expected: Memory, tmp_path: Path
) -> None:
    mount, own = grown(tree, tmp_path)

    assert cgroup.memory(mount, own) == expected


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        pytest.param({"own": "0::/\n", "cpu.max": "150000 100000\n"}, 1.5, id="v2"),
        pytest.param({"own": "0::/\n", "cpu.max": "max 100000\n"}, None, id="v2-no-limit"),
        pytest.param(
            {"own": "0::/a\n", "cpu.max": "max 100000\n", "a/cpu.max": "50000 100000\n"},
            0.5,
            id="v2-nested",
        ),
        pytest.param(
            {
                "own": "2:cpu,cpuacct:/a\n",
                "cpu,cpuacct/a/cpu.cfs_quota_us": "300000\n",
                "cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
            },
            3.0,
            id="v1-joined-controllers",
        ),
        pytest.param(
            {
                "own": "2:cpu:/\n",
                "cpu/cpu.cfs_quota_us": "-1\n",
                "cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
            id="v1-no-limit",
        ),
        pytest.param({}, None, id="not-linux"),
    ],
)
def test_cpu_quota_is_in_cpus(tree: Tree, expected: float | None, tmp_path: Path) -> None:
    mount, own = grown(tree, tmp_path)

    assert cgroup.cpu_quota(mount, own) == expected


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("50000 100000", 1), ("199999 100000", 1), ("max 100000", None), ("90000000 100000", None)],
    ids=["half", "almost-two", "unlimited", "more-than-there-are"],
)
def test_cpus_are_whole_and_never_more_than_the_process_may_use(
    quota: str, expected: int | None, tmp_path: Path
) -> None:
    mount, own = grown({"own": "0::/\n", "cpu.max": quota}, tmp_path)

    assert cgroup.cpus(mount, own) == (expected or len(os.sched_getaffinity(0)))


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"own": "0::/a\n", "a/memory.events": "oom 9\noom_kill 2\noom_group_kill 1\n"}, 2),
        (
            {
                "own": "4:memory:/a/b\n0::/\n",
                "memory/a/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
                "memory/a/b/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
            },
            4,
        ),
        ({"own": "0::/\n"}, 0),
    ],
    ids=["v2", "v1-with-those-above", "no-group"],
)
def test_processes_that_were_ended_for_want_of_memory_are_counted(
    tree: Tree, expected: int, tmp_path: Path
) -> None:
    assert cgroup.oom_kills(*grown(tree, tmp_path)) == expected
