"""Makes `vectorfiles` importable from every test folder, and keeps hypothesis quiet about time."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile("project", deadline=None, max_examples=60)
settings.load_profile("project")
