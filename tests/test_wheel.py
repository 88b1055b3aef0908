"""The wheel carries its model and packs and works from an empty folder with the network cut."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = "Voitit arvonnassa! Palkintosi on kehonkoostumusmittaus. Soitamme ja sovimme ajan, jolloin valmentajamme esittelee salin ja jäsenyydet."
# Any attempt to reach the network is an error.
CUT = "import socket\ndef no(*a, **k): raise OSError('network is cut')\nsocket.socket.connect = no\nsocket.create_connection = no\n"


@pytest.mark.slow
def test_wheel_in_an_empty_environment(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(ROOT)], check=True)
    (wheel,) = wheels.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "hiddensale/models/base/arrays.npz" in names
    assert "hiddensale/lang/fi/pack.toml" in names
    assert "hiddensale/record.schema.json" in names
    assert {f"hiddensale/report.{kind}" for kind in ("html", "css", "js", "toml")} <= set(names)
    assert not any(n.startswith(("corpus/", "tests/")) for n in names)
    # The dependencies of this environment serve; only the package itself comes from the wheel.
    target = tmp_path / "site"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)], check=True)
    empty = tmp_path / "empty"
    empty.mkdir()
    env = {**os.environ, "PYTHONPATH": str(target)}
    code = CUT + f"import hiddensale; assert {str(target)!r} in hiddensale.__file__; r = hiddensale.scan({TEXT!r}); print(r.flagged, r.findings[0].pattern)"
    out = subprocess.run([sys.executable, "-c", code], cwd=empty, env=env, capture_output=True, text=True, check=True).stdout
    assert out.split() == ["True", "prize-to-pitch"]
    code = CUT + "from hiddensale.cli import main; main(['scan', '-', '--format', 'jsonl'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=empty, env=env, input=TEXT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["flagged"]


@pytest.mark.slow
def test_every_module_imports_without_the_extras() -> None:
    code = (
        "import sys, pkgutil, importlib; sys.modules['pypdf'] = None\n"
        "import hiddensale\n"
        "[importlib.import_module('hiddensale.' + m.name) for m in pkgutil.iter_modules(hiddensale.__path__) if m.name != '__main__']\n"
        "from hiddensale import readers\n"
        "d = readers._pdf(b'%PDF-1.4', 'a.pdf', 'a.pdf')\n"
        "assert d.error.code == 'missing-extra' and 'hiddensale[pdf]' in d.error.message"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
