# ruff: noqa: UP031 - runs on the Python that is to be refused, however old it is.
"""Says in one sentence what this machine lacks before anything is installed. Run as a script, by any Python."""

import os
import shutil
import sys
import sysconfig

OLDEST, NEWEST = (3, 10), (3, 13)  # what TensorFlow 2.21 and its dependencies have wheels for
INSTALL_BYTES = {"bot": 10**9, "embedder": 3 * 10**9, "all": 3 * 10**9, "development": 3 * 10**9}
"""What each role's virtual environment takes, with room for the wheels that are unpacked beside it."""


def lacking(folder, role="development"):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return the sentences that say what is missing for an installation of a role into `folder`."""
    sentences = []
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        sentences.append(
            "Soundalike needs Python 3.10 to 3.13, and this is %d.%d: "
            "name another one, for instance `make run PYTHON=python3.11`." % version
        )
        return sentences  # the rest would be asked of the wrong Python
    if role not in INSTALL_BYTES:
        sentences.append(
            "There is no role %s: name one of %s, as in `make install ROLE=bot`." % (role, ", ".join(INSTALL_BYTES))
        )
        return sentences
    compiler = os.environ.get("CXX", "").split(" ")[0] or "g++"
    if not any(shutil.which(name) for name in (compiler, "c++", "g++", "clang++")):
        sentences.append(
            "There is no C++ compiler, and Annoy is compiled at installation: install one, "
            "for instance `apt-get install g++ python3-dev` or `xcode-select --install`."
        )
    if not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")):  # noqa: PTH110, PTH118
        sentences.append(
            "Python's headers are missing, and Annoy is compiled against them: `apt-get install python3-dev`."
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        sentences.append(
            "This Python cannot make virtual environments: install its venv module, "
            "for instance `apt-get install python3-venv`."
        )
    free = shutil.disk_usage(folder).free
    if free < INSTALL_BYTES[role]:
        sentences.append(
            "The disk has %.1f GB free here, and the installation takes up to %.0f GB: make room first."
            % (free / 1e9, INSTALL_BYTES[role] / 1e9)
        )
    return sentences


if __name__ == "__main__":
    missing = lacking(os.path.dirname(os.path.abspath(__file__)), *sys.argv[1:2])  # type: ignore[no-untyped-call]  # noqa: PTH100, PTH120
    for sentence in missing:
        print(sentence)
    sys.exit(1 if missing else 0)
