"""Writes the answer to GraphQL's introspection query from the schema beside it.

With --check it writes nothing and exits with 1 if the file is not what it would write.
"""

import argparse
import sys
from pathlib import Path

import orjson
from graphql import build_schema, introspection_from_schema

FOLDER = Path(__file__).parents[1] / "drum_like/contracts/wallaroo/management"


def main() -> int:
    """Return 0, or 1 if a check found another file."""
    parser = argparse.ArgumentParser(description="Write the introspection of the GraphQL schema.")
    parser.add_argument("--check", action="store_true", help="only compare")
    is_check = parser.parse_args().check
    schema = build_schema((FOLDER / "schema.graphql").read_text("utf-8"))
    content = orjson.dumps({"data": introspection_from_schema(schema, descriptions=False)}) + b"\n"
    path = FOLDER / "introspection.json"
    if not is_check:
        path.write_bytes(content)
    elif path.read_bytes() != content:
        print(f"{path.name} is not the introspection of schema.graphql; run make references")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
