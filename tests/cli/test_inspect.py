"""`gantk inspect` asks the data set that reads a path; where several do, or none, it says what to type."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from gantk.cli.inspect import command
from gantk.components.inspectors import inspect_options, inspectors
from gantk.errors import DoesNotFit, FileError
from gantk.interfaces import Inspection, InspectRequest
from gantk.reporting.inspection import inspected, write_recipe


class Strings:
    """Reads text."""

    @staticmethod
    def reads(path: Path) -> bool:
        return path.suffix == ".txt"

    @staticmethod
    def inspect(request: InspectRequest, *, kind: Literal["dna", "motif"] | None = None) -> Inspection:
        return Inspection(f"about: {kind}", {"use": "motif/strings", **request.data})


class Numbers(Strings):
    """Reads text, too."""

    @staticmethod
    def inspect(request: InspectRequest) -> Inspection:
        return Inspection("about: numbers", {"use": "basics/digits", **request.data})


TOYS = {"motif/strings": Strings, "basics/digits": Numbers}


def test_the_one_that_reads_the_path_is_asked(tmp_path: Path) -> None:
    found = inspected(InspectRequest(tmp_path / "a.txt", {"length": 8}), {"kind": "dna"}, {"motif/strings": Strings})
    assert (found.recipe, found.data) == ("about: dna", {"use": "motif/strings", "length": 8})


def test_of_several_the_lines_to_type_are_shown_and_work(tmp_path: Path) -> None:
    path = tmp_path / "a b.txt"
    with pytest.raises(FileError) as error:
        inspected(InspectRequest(path), {}, TOYS)
    lines = str(error.value).splitlines()[1:]
    assert lines == [f"  gantk inspect '{path}' data.use={name}" for name in TOYS]
    for name in TOYS:
        assert inspected(InspectRequest(path, {"use": name}), {}, TOYS).data["use"] == name


def test_what_nobody_reads_and_options_of_others_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"no installed data set .*motif/strings, basics/digits"):
        inspected(InspectRequest(tmp_path / "a.wav"), {}, TOYS)
    with pytest.raises(DoesNotFit, match="read by basics/digits; --kind is an option of motif/strings"):
        inspected(InspectRequest(tmp_path / "a.txt", {"use": "basics/digits"}), {"kind": "dna"}, TOYS)
    with pytest.raises(DoesNotFit, match="basics/ring cannot inspect"):
        inspected(InspectRequest(tmp_path / "a.wav", {"use": "basics/ring"}), {}, {"motif/strings": Strings})


def test_a_recipe_that_a_run_would_refuse_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "inspected.yaml"
    refused = write_recipe(Inspection("about: nothing else\n", {}), path)
    assert "no recipe is written, since a run would refuse it" in str(refused) and not path.exists()


def test_options_of_the_installed_inspectors_are_those_of_the_command() -> None:
    assert {"cells/lin"} <= set(inspectors())
    added = inspect_options()["classes"]
    assert added.choices == ("proteins", "conditions") and added.owners[0] == "cells/lin"
    assert "--classes" in {each for option in command.params for each in option.opts}
