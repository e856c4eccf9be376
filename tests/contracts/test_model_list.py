"""GET /models: the models of a server that has several, and DRUM's answer elsewhere."""

from pathlib import Path

from tests.support.models import ONE_WORKER, REG, TEXT, Model
from tests.support.registries import constant, opened
from tests.support.serving import serve

NOTHING = {"version": "1", "framework": None, "target": None}
ROW = "a\n1\n"


def named(name: str, target: str = "price") -> Model:
    metadata = (
        f"name: {name}\ntype: inference\ntargetType: regression\n"
        f"inferenceModel:\n  targetName: {target}\n"
    )
    return REG.plus(**{"model-metadata.yaml": metadata})


def test_several_models_are_listed_and_none_is_loaded_for_it(tmp_path: Path) -> None:
    for name in ("two", "one"):
        named(name).write(tmp_path / name)
    with serve(None, "--models", str(tmp_path), *ONE_WORKER) as server:
        before = server.get("/models").json()
        server.csv(ROW, "/models/two/predict/")
        after = server.get("/models/").json()

    assert before == {"models": [{"name": "one", **NOTHING}, {"name": "two", **NOTHING}]}
    assert after["models"][0] == {"name": "one", **NOTHING}
    assert after["models"][1] == {
        "name": "two",
        "version": "1",
        "framework": None,
        "target": "price",
    }


def test_versions_of_a_store_are_listed_by_their_models(tmp_path: Path) -> None:
    root = tmp_path / "store"
    with opened(root) as store:
        for name in ("a", "b", "b"):
            store.put(name, constant(1))
    with serve(named("own").write(tmp_path / "own"), "--store", str(root), *ONE_WORKER) as server:
        server.csv(ROW, "/models/b/predict/")
        listed = {one["name"]: one for one in server.get("/models").json()["models"]}

    assert list(listed) == ["a", "b", "own"]
    assert listed["a"] == {"name": "a", **NOTHING}
    assert (listed["b"]["version"], listed["own"]["version"]) == ("2", "1")


def test_one_model_and_a_default_one_for_text_stay_drums(tmp_path: Path) -> None:
    named("one").write(tmp_path / "models" / "one")
    with serve(None, "--models", str(tmp_path / "models"), *ONE_WORKER) as alone:
        single = alone.get("/models")
    flags = ("--models", str(tmp_path / "models"), *TEXT.flags, *ONE_WORKER)
    with serve(TEXT.write(tmp_path / "text"), *flags, env=TEXT.env) as writer:
        language = writer.get("/models")

    assert (single.status, list(single.json())) == (404, ["message"])
    assert language.json() == {"data": [], "object": "list"}
