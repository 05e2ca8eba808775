# SPDX-License-Identifier: Apache-2.0
"""A text that everybody can make again: the Python sources of well-known packages, pinned.

Downloads each wheel with pip, for no platform in particular, and writes their `.py` files, one
document each, licences as in the packages. Made for comparisons of models, not for publication.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from pynq_driver.language_model.evaluation import DOCUMENT_SEPARATOR
from tritforge.whole_file import write_whole_text

#: Pure Python wheels, the same on every machine.
PACKAGES = (
    *("sympy==1.14.0", "django==5.2.8", "networkx==3.5", "transformers==4.57.1"),
    *("sqlalchemy==2.0.44", "nltk==3.9.2", "mypy==1.18.2", "pip==25.3", "botocore==1.40.70"),
    *("ansible-core==2.18.11", "docutils==0.22.3", "sphinx==8.2.3", "faker==37.12.0"),
)
#: Files with fewer characters say nothing, those with more are tables.
SHORTEST, LONGEST = 500, 200_000


def main(arguments: list[str] | None = None) -> int:
    """Download and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="text file")
    options = parser.parse_args(arguments)
    documents: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--dest", folder, *PACKAGES]
        if subprocess.run(command).returncode:
            print("error: pip could not download the packages", file=sys.stderr)
            return 1
        for path in sorted(Path(folder).glob("*.whl")):
            documents += sources_of(path)
    write_whole_text(options.out, f"\n{DOCUMENT_SEPARATOR}\n".join(documents) + "\n")
    print(f"{options.out}: {len(documents)} files, {sum(map(len, documents))} characters")
    return 0


def sources_of(wheel: Path) -> list[str]:
    """Texts of the `.py` files of a wheel, in the order of their names."""
    texts = []
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".py") and SHORTEST <= archive.getinfo(name).file_size <= LONGEST:
                text = archive.read(name).decode("utf-8", errors="replace").strip()
                if DOCUMENT_SEPARATOR not in text:
                    texts.append(text)
    return texts


if __name__ == "__main__":
    sys.exit(main())
