"""Lays out the root filesystem of the sandbox image: an allow-list, not a clean-up.

Runs as root in the first stage of ``Dockerfile.libraries``, with that stage's own Python, without
network.  What it does not copy is not in the image: no shell, no package manager, no network
tool, no setuid file.  Arguments: the directory of the installed packages, the directory to fill.
"""

import compileall
import os
import py_compile
import re
import shutil
import site
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

EPOCH = 1_700_000_000  # of every file, so that equal inputs give equal layers
HOME = Path("opt/csvanalyst")

# Standard library: what needs a display, a terminal, a compiler, a directory service or a package index.
STDLIB_DROPS = re.compile(
    r"""(^|/)__pycache__/
    | ^(ensurepip|idlelib|lib2to3|pydoc_data|test|tkinter|turtledemo|venv|(dist|site)-packages)/
    | ^config-
    | ^lib-dynload/(_curses|_curses_panel|_dbm|_gdbm|_tkinter|nis|ossaudiodev|readline|spwd|_test\w*)\.
    """,
    re.VERBOSE,
)
# Packages: what only developers of these libraries use, and transports that a sandbox cannot use.
PACKAGE_DROPS = re.compile(
    r"""(^|/)(__pycache__|tests|bin)(/|$)
    | (^|/)pip(-[^/]*)?(/|$)
    | \.(a|c|cc|cpp|h|hpp|pxd|pxi|pyi|pyx)$
    | ^(numpy/.*/include | pyarrow/(include|src|includes) | share | include)(/|$)
    | ^numpy/(f2py|distutils)(/|$)
    | ^pyarrow/(_flight|_substrait|_s3fs|_gcsfs|_azurefs|_hdfs)\b
    | ^pyarrow/libarrow_(python_)?flight\w*\.so
    | ^matplotlib/(mpl-data/(sample_data|images)|backends/web_backend)(/|$)
    """,
    re.VERBOSE,
)
CONFIGURATION = {
    "etc/passwd": "root:x:0:0:root:/:/nonexistent\nrunner:x:65532:65532:runner:/tmp:/nonexistent\n",
    "etc/group": "root:x:0:\nrunner:x:65532:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "etc/timezone": "Etc/UTC\n",
    "etc/ld.so.conf": "/usr/local/lib\n",  # where the official Python image keeps its libpython
}


def main(packages: Path, image: Path) -> None:
    for name in ("bin", "lib", "lib64", "sbin"):  # the base's merged /usr, so that paths stay valid
        if (link := Path("/") / name).is_symlink():
            target = link.readlink()
            (image / target).mkdir(parents=True, exist_ok=True)
            (image / name).symlink_to(target)
    for name in ("data", "dev", "etc", "proc", "sys", "tmp", "usr/bin"):
        (image / name).mkdir(parents=True, exist_ok=True)
    copy_interpreter(image)
    copy_tree(packages, image / HOME / "site", lambda path: PACKAGE_DROPS.search(path) is None)
    shutil.copytree(Path(__file__).parent, image / HOME / "image", ignore=shutil.ignore_patterns("assemble.py"))
    copy_shared_objects(image)
    copy_file(Path("/usr/lib/locale/C.utf8"), image)
    for name, text in CONFIGURATION.items():
        (image / name).write_text(text)
    # Not from the tzdata package: its files leave out transitions that Arrow then does not know.
    zones = Path("/usr/share/zoneinfo")
    copy_tree(zones, image / zones.relative_to("/"), lambda path: not path.startswith(("posix/", "right/")))
    (image / "etc/localtime").symlink_to("/usr/share/zoneinfo/Etc/UTC")
    subprocess.run(["/sbin/ldconfig", "-r", str(image)], check=True)
    compile_all(image)
    settle(image)


def copy_interpreter(image: Path) -> None:
    executable = Path(sys.executable).resolve()
    copy_file(executable, image)
    if executable != Path("/usr/bin/python3"):
        (image / "usr/bin/python3").symlink_to(executable)
    library = Path(sysconfig.get_path("stdlib"))
    copy_tree(library, image / library.relative_to("/"), lambda path: STDLIB_DROPS.search(path) is None)
    packages = image / site.getsitepackages()[0].lstrip("/")
    packages.mkdir(parents=True, exist_ok=True)
    (packages / "csvanalyst.pth").write_text(f"/{HOME}\n/{HOME}/site\n")


def copy_tree(source: Path, target: Path, kept: Callable[[str], bool]) -> None:
    for directory, _, files in os.walk(source):
        for name in files:
            path = Path(directory, name)
            relative = path.relative_to(source)
            if kept(str(relative)):
                (target / relative).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target / relative)


def copy_file(path: Path, image: Path) -> None:
    """The file or directory to the same place, whatever links lead there."""
    target = image / path.parent.resolve().relative_to("/") / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, target)
    elif not target.exists():
        shutil.copy2(path, target)


def copy_shared_objects(image: Path) -> None:
    """Everything that the dynamic loader would look for outside of what was copied."""
    objects = [p for p in image.rglob("*") if p.is_file() and not p.is_symlink() and is_elf(p)]
    for start in range(0, len(objects), 64):
        listing = subprocess.run(
            ["/usr/bin/ldd", *map(str, objects[start : start + 64])], capture_output=True, text=True
        )
        for path in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", listing.stdout, re.MULTILINE):
            if not Path(path).is_relative_to(image):
                copy_file(Path(path), image)


def is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def compile_all(image: Path) -> None:
    """Byte code without time stamps: the file system is read-only when it is used."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    for directory in (Path(sysconfig.get_path("stdlib")), Path("/") / HOME):
        place = image / directory.relative_to("/")
        compileall.compile_dir(
            place, maxlevels=50, quiet=2, workers=0, stripdir=str(image), prependdir="/", invalidation_mode=mode
        )


def settle(image: Path) -> None:
    """No set-id bits, nothing that others may write but /tmp, one time for all."""
    for path in sorted(image.rglob("*"), reverse=True):
        if not path.is_symlink():
            executable = path.is_dir() or bool(path.stat().st_mode & stat.S_IXUSR)
            path.chmod(0o755 if executable else 0o644)
        os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)
    (image / "tmp").chmod(0o1777)


main(Path(sys.argv[1]), Path(sys.argv[2]))
