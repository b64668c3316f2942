"""Completion, as shells ask for it: bash, zsh and fish themselves, and every kind of answer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anticrossing import reproduce
from anticrossing.cli.app import app
from anticrossing.models import MODELS
from anticrossing.studies import file

NEEDED = {shell: shutil.which(shell) is None for shell in ("bash", "zsh", "fish")}


@pytest.fixture
def complete(call: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what a line is completed to, asked as the script of bash asks."""

    def answer(line: str) -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        monkeypatch.setenv("_ANTICROSSING_COMPLETE", "bash_complete")
        outcome = call()
        assert (outcome.status, outcome.err) == (0, "")
        return [word.partition(",")[2] for word in outcome.out.splitlines() if word]

    return answer


def test_commands_options_and_names(complete: Any) -> None:
    assert complete("anticrossing re") == ["reproduce"]
    commands = [name for name, command in app.commands.items() if not command.hidden]
    assert complete("anticrossing ") == sorted(commands)
    assert complete("anticrossing completion ") == ["bash", "zsh", "fish"]
    assert complete("anticrossing run --s") == ["--set"]
    assert complete("anticrossing reproduce ") == list(reproduce.NAMES)
    assert complete("anticrossing reproduce de") == ["demkov-osherov", "dephasing-lindbladian"]
    assert complete("anticrossing new ") == list(file.names())
    assert complete("anticrossing new pac") == ["packet"]
    assert set(MODELS) <= set(complete("anticrossing docs "))
    assert complete("anticrossing docs LandauZ") == ["LandauZener"]
    assert complete("anticrossing docs --print sharp") == ["sharp_edges"]


@pytest.mark.parametrize(
    "line", ["run ex", "check a.toml b", "run -o o", "fit data model", "sweep "]
)
def test_files_are_left_to_the_shell(call: Any, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    words = f"anticrossing {line}"
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    monkeypatch.setenv("_ANTICROSSING_COMPLETE", "bash_complete")
    assert call().out == f"file,{line.rpartition(' ')[2]}\n"


def test_keys_of_the_file_that_is_named(complete: Any, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('title = "x"\n[drive]\nrate = 1.0\n[hamiltonian]\ngap = 1\n')
    assert complete("anticrossing run a.toml --set dr") == ["drive.rate="]
    assert complete("anticrossing run a.toml --set ") == [
        "title=",
        "drive.rate=",
        "hamiltonian.gap=",
    ]
    assert complete("anticrossing run missing.toml --set ") == []
    assert complete("anticrossing run --set ") == []


@pytest.mark.parametrize(
    ("shell", "script"),
    [
        pytest.param(
            "bash",
            'eval "$(anticrossing completion bash)"; '
            "COMP_WORDS=(anticrossing new pas); COMP_CWORD=2; "
            '_anticrossing_completion anticrossing; echo "${COMPREPLY[@]}"',
            marks=pytest.mark.skipif(NEEDED["bash"], reason="bash is not here"),
        ),
        pytest.param(
            "fish",
            "anticrossing completion fish | source; complete -C 'anticrossing new pas'",
            marks=[pytest.mark.slow, pytest.mark.skipif(NEEDED["fish"], reason="fish is not here")],
        ),
        pytest.param(
            "zsh",
            'autoload -U compinit; compinit -D -u; eval "$(anticrossing completion zsh)"; '
            "compadd() { print -r -- ${(P)@[-1]} }; _describe() { print -r -- ${(P)3} }; "
            "words=(anticrossing new pas); CURRENT=3; _anticrossing_completion",
            marks=[pytest.mark.slow, pytest.mark.skipif(NEEDED["zsh"], reason="zsh is not here")],
        ),
    ],
)
def test_in_the_shell_itself(shell: str, script: str, tmp_path: Path) -> None:
    command = tmp_path / "bin" / "anticrossing"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m anticrossing "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [shell, "-c", script],
        env={**os.environ, "PATH": path, "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.split() == ["passage"], done.stderr
    assert "Traceback" not in done.stderr


def test_a_shell_that_is_not_known(call: Any) -> None:
    outcome = call("completion", "tcsh")
    assert outcome.status == 2
    assert "bash" in outcome.err
