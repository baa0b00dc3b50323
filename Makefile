# 城枢 (Chengshu). `make` prints the targets; the work is done by tools/bootstrap.py, which needs only Python ≥ 3.11.
PYTHON ?= python3
RUN = $(PYTHON) tools/bootstrap.py

.PHONY: help up down status test lint format demo bench app docs assets lock clean

help:  ## print this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

up:  ## set everything up and bring up the city (web, worker, gateway), print addresses and accounts
	@$(RUN) up

down:  ## stop the city
	@$(RUN) down

status:  ## what runs, where, since when
	@$(RUN) status

test:  ## lint, types, import contracts, tests (SQLite; PostgreSQL and browser too where present)
	@$(RUN) test

lint:  ## ruff, djlint, mypy --strict, import-linter
	@$(RUN) lint

format:  ## let ruff and djlint format the tree
	@$(RUN) format

demo:  ## load the demo city again at SCALE=small|full
	@$(RUN) demo $(or $(SCALE),small)

bench:  ## run the benchmarks side by side and print the table
	@$(RUN) bench

docs:  ## check the documentation's links and examples
	@$(RUN) docs

assets:  ## copy the pinned browser files into the tree (needs Node; the result is committed)
	@$(RUN) assets

lock:  ## renew requirements/*.lock from pyproject.toml
	@$(RUN) lock

clean:  ## remove the virtual environment and caches (keeps var/)
	@rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache
