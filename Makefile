# The six things one does with this repository. Each does its own set-up; nothing needs to be installed by hand.
#
#   make dev      start Lambent on port 4566 with an example function
#   make test     everything that must hold, as continuous integration runs it
#   make install  the virtual environment in .venv, and nothing else
#   make lint     the fast part of `make test`: style, types, who may import whom
#   make faults   kill a server a hundred times; no accepted event may be lost
#   make bench    measure, compare with the bars, write bench/results.json

# More workers than cores: most tests wait for a process or a socket.
WORKERS ?= 4
ARGS ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install machine dev test lint bench faults

help:
	@sed -n 's/^#   //p' Makefile

install:
	@scripts/set-up

machine:
	@scripts/system-packages

dev: install machine
	@.venv/bin/lambent dev --example $(ARGS)

test: install machine
	@.venv/bin/python -m pytest --numprocesses $(WORKERS) $(ARGS)

lint: install
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo

faults: install machine
	@.venv/bin/python -m tests.faults $(ARGS)

bench: install machine
	@.venv/bin/python -m bench $(ARGS)
