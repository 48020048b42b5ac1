# Every target makes what it needs, from nothing but Python 3.11 or newer and a package index.
#
#   make demo      convert a small network that ships with the project, and score it
#   make test      the test suite                make test-slow    the tests marked slow
#   make lint      ruff                          make types        mypy --strict
#   make docs      the documentation as HTML     make generated    rewrite pages of docs/
#   make native    the native library: needs a C++ compiler
#   make test-javascript  emitted files in Node and in a browser: needs npm, Node and Chromium
#   make test-sanitized   its tests, with a library that checks its own memory accesses
#   make wheel-native     a wheel with the library inside, in dist/
#   make test-packages    wheel and sdist, each installed in an empty environment and run
#   make density   how much is on a line and in a function, against limits
#   make figures   draw the figures of docs/ again
#   make bench DATA=folder   what is missing in docs/results/accuracy.md; as long as a night
#
# On Linux the package index serves torch with CUDA, several GB. For the CPU build:
#   make test PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu

PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
JOBS ?= 2
RUN := $(VENV)/bin/python
INSTALL := $(RUN) -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS)

.DEFAULT_GOAL := demo
.PHONY: demo native wheel-native test test-javascript test-packages test-sanitized test-slow test-oldest coverage lint format types density docs generated figures bench clean

demo: $(VENV)/.installed
	$(RUN) examples/digits/demo.py

native: $(VENV)/.installed-native
	$(RUN) -m onnx2snn native build

# oneDNN comes along: the wheel runs in an environment that has nothing but its dependencies.
wheel-native: native
	ONNX2SNN_WHEEL_LIBRARY=1 ONNX2SNN_WHEEL_ENVIRONMENT=$(VENV) \
		$(RUN) -m pip wheel --quiet --no-deps --wheel-dir dist .

# Without a compiler the tests of the native library are skipped, and say so.
test: $(VENV)/.installed-test
	$(RUN) -m onnx2snn native build || echo 'the tests of the native library are skipped'
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n $(JOBS)

test-slow: $(VENV)/.installed-test
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n $(JOBS) -m slow

# Packages of npm go into the user's cache. What is missing fails, with what to install.
test-javascript: $(VENV)/.installed-test $(VENV)/.installed-javascript
	OMP_NUM_THREADS=1 $(RUN) -m pytest --require-javascript tests/javascript tests/test_browser.py

test-sanitized: $(VENV)/.installed-test
	$(RUN) scripts/test_sanitized.py

# What is uploaded is tried as a user has it: with its dependencies alone, outside the repository.
PACKAGES := $(VENV)/packages
test-packages: $(VENV)/.made
	rm -rf $(PACKAGES)
	$(INSTALL) hatchling
	$(RUN) -m hatchling build -d $(PACKAGES)/dist
	$(PYTHON) -m venv $(PACKAGES)/empty
	for package in $(PACKAGES)/dist/*.whl $(PACKAGES)/dist/*.tar.gz; do \
		PIP_CONSTRAINT=$(abspath $(CONSTRAINTS)) $(PACKAGES)/empty/bin/python -m pip install \
			--quiet --disable-pip-version-check --force-reinstall --no-deps $$package || exit 1; \
		PIP_CONSTRAINT=$(abspath $(CONSTRAINTS)) $(PACKAGES)/empty/bin/python -m pip install \
			--quiet --disable-pip-version-check $$package || exit 1; \
		(cd $(PACKAGES) && empty/bin/onnx2snn convert $(abspath examples/digits/digits.onnx) \
			--calibration $(abspath examples/digits/calibration.npz) -o digits_snn.onnx) || exit 1; \
	done

test-oldest:
	$(MAKE) test VENV=.venv-oldest CONSTRAINTS=constraints-oldest.txt

coverage: $(VENV)/.installed-test
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n $(JOBS) --cov --cov-report=term

lint: $(VENV)/.installed-lint
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: $(VENV)/.installed-lint
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

types: $(VENV)/.installed-lint
	$(RUN) -m mypy

density: $(VENV)/.installed-lint
	$(RUN) scripts/density.py --check

docs: $(VENV)/.installed-docs generated
	$(RUN) -m sphinx -W --keep-going -b html docs docs/_build/html

generated: $(VENV)/.installed
	$(RUN) docs/generate.py

figures: $(VENV)/.installed-docs
	$(RUN) docs/figures.py

bench: $(VENV)/.installed
	$(if $(DATA),,$(error set DATA to the folder with the networks and images))
	$(RUN) -m benchmarks.accuracy --data $(DATA) --write

clean:
	rm -rf .venv .venv-oldest .ci/venv build dist docs/_build .coverage
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find onnx2snn tests examples benchmarks docs scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: an environment is made once, and an extra installed again when its pins change.
$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: pyproject.toml $(CONSTRAINTS) | $(VENV)/.made
	$(INSTALL) --editable .
	touch $@

$(VENV)/.installed-%: pyproject.toml $(CONSTRAINTS) | $(VENV)/.made
	$(INSTALL) --editable '.[$*]'
	touch $@ $(VENV)/.installed
