"""One study per file, each behind a page of the documentation; only studies import studies."""
