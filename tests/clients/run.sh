#!/usr/bin/env bash
# Clients of other makers, in an environment of their own, against a gateway and a collector of this tree.
# Exit code 3: their packages can't be fetched, so nothing was tested.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3.11}
clients=.venv-clients
test -x $clients/bin/python || "$python" -m venv $clients
said=$($clients/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps --require-hashes \
  -r tests/clients/requirements.txt 2>&1) || {
  echo "test-clients: NOT TESTED: the packages of tests/clients/requirements.txt can't be installed: $(tail -1 <<<"$said" | sed 's#[a-z]*://[^ ]*#(address)#g')" >&2
  exit 3
}
.venv/bin/python -m pytest tests/clients/foreign_clients.py "$@"
