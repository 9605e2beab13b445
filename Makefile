# Every command does its own set-up: a .venv with the pinned packages and the course itself.
# Windows, or conda: see environment.yml.

VENV ?= .venv
PY := "$(VENV)/bin/python"
export PYTHON TORCH_INDEX

# Two workers with one thread each are quicker, on any machine, than two workers that fight for all cores.
PYTEST := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(PY) -m pytest
BOOK := $(PY) -c "from jupyter_book.cli.main import main; main()" build book --config _config.yml --path-output .

.DEFAULT_GOAL := help
.PHONY: help setup lab test book smoke nbval test-photos test-gpu test-site test-lab test-slow check format notebooks slides student weights pack clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{ printf "  make %-11s %s\n", $$1, $$2 }'
	@echo
	@echo "  Options: PYTHON=/path/to/python3   TORCH_INDEX=https://download.pytorch.org/whl/cpu (Linux: torch without CUDA)"
	@echo "           PORT=8890 and ARGS=\"--no-browser\" for make lab;  ARGS=\"-k resize\" for make test"

setup:
	@sh tools/setup.sh "$(VENV)"

lab: setup  ## open the course in JupyterLab, on your own copies of the notebooks (work/)
	@exec $(PY) tools/lab.py $(if $(PORT),--port $(PORT)) $(ARGS)

test: setup  ## the unit tests and the quick checks of the notebooks
	$(PYTEST) -n 2 $(ARGS)

# Built afresh each time (seconds): Sphinx keeps quiet about the warnings of pages that did not change.
book: setup  ## build the website into _build/html; a warning is an error, nothing is executed
	@rm -rf _build/html _build/.doctrees _build/.jupyter_cache
	$(BOOK) -W -n --keep-going

smoke: setup  ## run every notebook at the smoke tier, with another seed and photo, and judge its results
	$(PYTEST) -n 2 -m notebooks tests/test_papermill.py $(ARGS)

nbval: setup  ## run every notebook at the smoke tier and compare the cells that must not change
	$(PYTEST) -m "notebooks and not slow" tests/test_nbval.py $(ARGS)

test-photos: setup  ## the unit tests that need the papers' photo sets (srlib fetch Set5 Set14 ...)
	$(PYTEST) -n 2 $$(grep -l realphotos tests/test_*.py) $(ARGS)

test-gpu: setup  ## run every notebook at the smoke tier on a GPU that is not there: nothing may mix the two devices
	$(PYTEST) -n 2 -m notebooks tests/test_gpu_notebooks.py $(ARGS)

test-site: book  ## look at the built website in a browser
	$(PYTEST) -n 2 -m "site and not slow" tests/test_site.py tests/test_twins.py tests/test_frames.py tests/test_slides.py $(ARGS)
	$(PYTEST) -m "site and not slow" tests/test_tryit.py $(ARGS)  # alone: it counts the page's dropped frames

test-lab: setup  ## drive the course in a real JupyterLab
	$(PYTEST) -m "browser and not slow" tests/test_lab.py tests/test_lab_twins.py $(ARGS)

test-slow: book  ## everything that make test leaves out
	$(PYTEST) -m "slow or notebooks or site or browser" $(ARGS)

check: setup  ## lint, and formatting as committed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: setup  ## format the code and normalise the notebooks
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .
	$(PY) tools/notebooks.py normalise

notebooks: setup  ## execute the notebooks again at the laptop tier and store their outputs (minutes)
	$(PY) tools/notebooks.py run $(ARGS)

slides: setup  ## slides that a PC without Python or network can show, from the stored outputs (_build/slides)
	$(PY) tools/slides.py $(ARGS)

student: setup  ## copies of the notebooks without their solutions, to hand out (_build/student)
	$(PY) tools/student.py $(ARGS)

weights: setup  ## train what data/weights lacks (hours; goes on where it stopped)
	$(PY) -m srlib train --all --out data/weights $(ARGS)

pack: setup  ## put the training photos into one small file for a borrowed GPU (data/photos.zip, ignored by git)
	$(PY) tools/pack.py $(ARGS)

clean:  ## remove what was built (never work/, never .venv)
	rm -rf _build .pytest_cache .ruff_cache
