"""A run of the tests that is killed leaves its folder behind, and the next one removes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.run_folders import run_folder

RUN = """
import sys, time
from pathlib import Path
from tests.run_folders import run_folder
with run_folder(Path(sys.argv[1])) as folder:
    (folder / "data").write_text("much")
    print(folder, flush=True)
    time.sleep(600)
"""


def test_the_folder_of_a_killed_run_goes_and_that_of_one_that_goes_on_stays(tmp_path: Path) -> None:
    with run_folder(tmp_path) as mine:
        root = Path(__file__).parents[2]
        run = subprocess.Popen([sys.executable, "-c", RUN, tmp_path], stdout=subprocess.PIPE, text=True, cwd=root)
        assert run.stdout
        theirs = Path(run.stdout.readline().strip())
        assert theirs.is_dir()
        with run_folder(tmp_path):
            assert (theirs / "data").exists()
        run.kill()
        run.communicate()
        assert theirs.is_dir()
        with run_folder(tmp_path) as next_one:
            assert sorted(tmp_path.iterdir()) == sorted([mine, next_one])
    assert list(tmp_path.iterdir()) == []
