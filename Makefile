# Each target builds its environment by itself, in $(VENV). Only Python 3.11 or newer (with venv) and make must be there.
# Another Python: make PYTHON=python3.12 run. Another place: make VENV=somewhere/venv test.
PYTHON ?= python3
VENV ?= .venv
PY = $(VENV)/bin/python
PIP = $(PY) -m pip install --quiet --disable-pip-version-check

# Browser tests share a server and a browser, so they stay together on one worker or two; the rest spreads out.
PYTEST = $(PY) -m pytest --numprocesses auto --dist loadgroup

# One sentence where pip would end in a page of its own.
NO_PACKAGES = { echo "The packages of $(1) could not be installed: the lines above say which. Is the package index \
reachable from here?" >&2; exit 1; }

.PHONY: run serve test test-slow test-processors test-lowest lint types format docs coverage mutants bench soak lock sbom audit env compiled
.DELETE_ON_ERROR:

# On this machine alone; STREAMLIT_SERVER_ADDRESS=0.0.0.0 make run lets others in.
run: export STREAMLIT_SERVER_ADDRESS ?= localhost
run: compiled
	$(PY) -m streamlit run home.py

# For visitors: limits, headers, a health check. Every STREAMLIT_SERVER_... and GRADIENT_LAB_... setting of the
# environment counts (docs/hosting.md).
serve: export STREAMLIT_SERVER_HEADLESS ?= true
serve: $(VENV)/serve.stamp
	@$(PY) -m core.compiled
	$(PY) -m streamlit run asgi.py

test: lint compiled
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/dev.stamp compiled
	$(PYTEST) -m slow

# The quick tests on the oldest version of every package that requirements.txt allows.
test-lowest: $(VENV)/dev.stamp
	$(PY) -m uv venv --quiet --clear --python $(PY) $(VENV)/lowest
	$(PY) -m uv pip install --quiet --python $(VENV)/lowest/bin/python --resolution lowest-direct -r requirements-dev.txt
	$(VENV)/lowest/bin/python -m pytest --numprocesses auto --dist loadgroup -m "not slow" --ignore=tests/browser

# Chaotic training runs end differently on another processor, and no claim may. The tests of claims run in processes
# of their own: with OpenBLAS's kernels of three other processors, with the kernel of this one, and with NumPy's wide
# instruction sets off and the engine compiled for any processor.
test-processors: $(VENV)/dev.stamp
	for kernel in Haswell Sandybridge Nehalem; do \
	    echo "OpenBLAS's kernel: $$kernel"; OPENBLAS_CORETYPE=$$kernel $(PYTEST) -m claims tests/core tests/ui || exit 1; done
	unset OPENBLAS_CORETYPE; $(PYTEST) -m claims tests/core tests/ui
	features=$$($(PY) -c "from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__ as found; \
	    print(*(name for name in __cpu_dispatch__ if found[name]))"); \
	    echo "NumPy without $$features, the engine for any processor"; \
	    NUMBA_CPU_NAME=generic NPY_DISABLE_CPU_FEATURES="$$features" $(PYTEST) -m claims tests/core tests/ui

lint: $(VENV)/dev.stamp
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m ty check --quiet --python $(VENV)

types: $(VENV)/dev.stamp
	$(PY) -m ty check --python $(VENV)

format: $(VENV)/dev.stamp
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

# The API reference, from the docstrings, into build/docs; a warning is an error, and the examples are run.
docs: $(VENV)/dev.stamp
	$(PY) -m pytest -q tests/test_documents.py
	$(PY) -W error -m pdoc --docformat google --output-directory build/docs gradient_flow_lab core

# The quick tests again, counting the lines and branches of core they reach, and the asserts of their own they reach.
coverage: $(VENV)/dev.stamp compiled
	$(PYTEST) -m "not slow" --cov=core --cov=tests --cov-branch --cov-report=
	$(PY) -m tests.support.reached

# Plants 300 faults one at a time and runs the nearest tests on each: an hour or two (docs/testing.md).
mutants: $(VENV)/dev.stamp
	@$(PIP) -r requirements-mutants.txt || $(call NO_PACKAGES,requirements-mutants.txt)
	$(PY) -m benchmarks.mutants

bench: $(VENV)/dev.stamp
	$(PY) -m benchmarks.engine
	$(PY) -m benchmarks.memory
	$(PY) -m benchmarks.compare

# Ten minutes of visitors who come, run, upload, compare and leave; fails when the server keeps their memory.
soak: $(VENV)/dev.stamp
	$(PY) -m benchmarks.soak --minutes 10

# The packages of a server, each pinned and with its hashes, for every system and Python that requirements.txt allows.
# To take newer versions: rm requirements.lock, then make lock.
lock: $(VENV)/dev.stamp
	$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links --output-file requirements.lock requirements.txt

# The bill of materials of a server, in CycloneDX's format.
sbom: $(VENV)/dev.stamp
	@mkdir -p build
	$(PY) -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible --output-file build/sbom.json \
	    requirements.lock

# Known faults of everything installed. Strict: a package that cannot be asked about is a failure, not left out. Where no
# advisory service can be reached: make ADVISORIES=file.json audit, with advisories in the Open Source Vulnerability format.
audit: $(VENV)/dev.stamp
ifdef ADVISORIES
	$(PY) deploy/advisories.py $(ADVISORIES)
else
	@$(PY) -m pip_audit --local --strict --progress-spinner off || { echo "make audit: either a known fault is named \
	above, or the advisory service cannot be reached from here, and nothing has been checked." >&2; exit 1; }
endif

env: $(VENV)/dev.stamp compiled

# pip's script, not Python's link: a venv whose set-up failed halfway is made again.
$(VENV)/bin/pip:
	@command -v $(PYTHON) >/dev/null || { echo "Gradient Flow Lab needs Python 3.11 or newer, and there is no \
	$(PYTHON) here: install it, or name another one, as in 'make PYTHON=python3.12 run'." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 15) or sys.exit("Gradient Flow Lab runs on Python 3.11 \
	to 3.14, and $(PYTHON) is %d.%d: name another one, as in \"make PYTHON=python3.12 run\"." % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make an environment without its venv \
	package; on Debian and Ubuntu: apt-get install python3-venv." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.txt | $(VENV)/bin/pip
	@$(PIP) -r requirements.txt || $(call NO_PACKAGES,requirements.txt)
	@touch $@

# The same versions, with the same hashes, as the image has.
$(VENV)/serve.stamp: requirements.lock | $(VENV)/bin/pip
	@$(PIP) --require-hashes -r requirements.lock || $(call NO_PACKAGES,requirements.lock)
	@touch $@

# The engine's machine code for this processor: compiled again only when its sources, Python or Numba have changed.
compiled: $(VENV)/run.stamp
	@$(PY) -m core.compiled

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	@$(PIP) -r requirements-dev.txt || $(call NO_PACKAGES,requirements-dev.txt)
	@touch $@
