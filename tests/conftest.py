from __future__ import annotations

from pathlib import Path

import pytest

import hiddensale
from hiddensale.detector import Detector

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def detector() -> Detector:
    return hiddensale.load()


@pytest.fixture(scope="session")
def examples_dir() -> Path:
    return ROOT / "examples"


def shared(*parts: str) -> Path:
    """A file of the evaluation material that lies beside a checkout; tests that need it skip where it is missing."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {'/'.join(('../shared', *parts))}, which is not part of the project")
    return path


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="also run what builds wheels and environments")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--run-slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow; run with --run-slow"))
