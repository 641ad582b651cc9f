.PHONY: check format lint types test serve

check: format lint types test ## what must be green before each commit

format:
	uv run ruff format

lint:
	uv run ruff check

types:
	uv run mypy

test:
	uv run pytest

serve:
	uv run citelight serve
