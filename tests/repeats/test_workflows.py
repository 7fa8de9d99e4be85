"""The workflow managers of docs/how-to/seeds.md, as the page writes them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "seeds.md"


@pytest.mark.long
def test_snakemake_runs_each_seed_once(tmp_path: Path) -> None:
    pytest.importorskip("snakemake", reason="make test-long installs it")
    block = re.search(r'```snakemake title="Snakefile"\n(.*?)```', PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    short = block[1].replace("ring_gan seed", "ring_gan train.steps=5 evaluate.0.samples=50 seed")
    (tmp_path / "Snakefile").write_text(short)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gantk").write_text(f'#!/bin/sh\nexec {sys.executable} -m gantk "$@"\n')
    (tmp_path / "bin" / "gantk").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}

    def snakemake() -> str:
        done = subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", "2", "-s", "Snakefile"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    snakemake()
    reports = [tmp_path / "runs" / f"ring-{seed}" / "report.html" for seed in (0, 1)]
    assert all(report.exists() for report in reports)
    (tmp_path / "runs" / "ring-1" / "report.html").unlink()  # as where a run was stopped
    written = reports[0].stat().st_mtime_ns
    snakemake()
    assert reports[1].exists() and reports[0].stat().st_mtime_ns == written
    assert "Nothing to be done" in snakemake()
