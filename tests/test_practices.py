"""The five practices the project began with, in both languages, and an honest twin of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from hiddensale.detector import Detector
from hiddensale.readers import read
