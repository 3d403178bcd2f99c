"""The page's modules agree with their types."""

import json
import subprocess
from pathlib import Path

from tests.server import REPOSITORY


def test_types(node_modules: Path, tmp_path: Path) -> None:
    page = REPOSITORY / "app" / "page"
    options = {
        "noEmit": True,
        "allowJs": True,
        "checkJs": True,
        "strict": True,
        "noUnusedLocals": True,
        "target": "es2023",
        "module": "esnext",
        "moduleResolution": "bundler",
        "lib": ["es2023", "dom", "dom.iterable"],
        "types": [],
    }
    include = [str(page / "types.d.ts"), str(page / "files" / "js" / "**" / "*.js")]
    project = tmp_path / "tsconfig.json"
    project.write_text(json.dumps({"compilerOptions": options, "include": include}))
    done = subprocess.run(
        ["node", str(node_modules / "typescript" / "bin" / "tsc"), "-p", str(project)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout
