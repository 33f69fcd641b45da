"""Where tests find the project's own files, and data that lie beside the checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
DOCS = ROOT / "docs"
SHARED = ROOT.parent / "shared"
