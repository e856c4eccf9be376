"""Sources of a worker's models, and their costs."""

import subprocess
import sys
from pathlib import Path

from tests.support.models import REG
from tests.support.unmeasured import unmeasured

CODE = """
import sys
from pathlib import Path
from drum_like.http.app import create_app
from drum_like.config.model_settings import ModelSettings
from drum_like.config.server_settings import ServerSettings
from drum_like.types.target import TargetType

model = ModelSettings(code_dir=Path(sys.argv[1]), target_type=TargetType.REGRESSION)
create_app(ServerSettings(model=model))
print([name for name in ("sqlalchemy", "alembic", "sqlite3", "psycopg") if name in sys.modules])
"""


def test_a_server_without_a_store_imports_no_database(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, REG.write(tmp_path)],
        check=True,
        capture_output=True,
        env=unmeasured(),
        text=True,
    )

    assert done.stdout.strip() == "[]"
