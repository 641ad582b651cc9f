"""The files behind the pages: read once, named by their content, compressed once."""

import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_IMPORT = re.compile(r'^(?:import|export)\b[^;]*?from "\./([\w-]+\.js)";', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it goes over the wire, plain and gzipped."""

    plain: bytes
    zipped: bytes
    content_type: str
    etag: str

    @classmethod
    def of(cls, content: bytes, content_type: str) -> "Asset":
        """The asset with these bytes; equal bytes give equal assets."""
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        return cls(content, gzip.compress(content, 9, mtime=0), content_type, etag)


@dataclass(frozen=True, slots=True)
class Assets:
    """All files of a folder and the version that stands in their addresses.

    The version is a hash over all names and bytes: modules import each other by relative
    address, so one changed file must change the address of every file that imports it.
    """

    version: str
    files: dict[str, Asset]
    pages: dict[str, str]

    @classmethod
    def load(cls, folder: Path) -> "Assets":
        """The assets and the page templates (`*.html`) of the folder."""
        paths = sorted(path for path in folder.iterdir() if path.suffix in TYPES)
        contents = {path.name: path.read_bytes() for path in paths}
        hashed = hashlib.sha256()
        for name, content in contents.items():
            hashed.update(f"{name}\0{len(content)}\0".encode() + content)
        files = {
            name: Asset.of(content, TYPES[Path(name).suffix]) for name, content in contents.items()
        }
        pages = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.html")}
        return cls(hashed.hexdigest()[:12], files, pages)

    def modules(self, entry: str) -> list[str]:
        """The modules that `entry` needs, itself first, each once.

        The page names them all, so that the browser fetches them in one round.
        """
        found = [entry]
        for name in found:
            source = self.files[name].plain.decode()
            found += [other for other in _IMPORT.findall(source) if other not in found]
        return found

    def page(self, name: str, title: str) -> Asset:
        """The page `name`: the frame filled with its title, body, styles and modules."""
        base = f"/assets/{self.version}"
        preloads = (
            f'<link rel="modulepreload" href="{base}/{module}">'
            for module in self.modules(f"{name}.js")[1:]
        )
        slots = {
            "title": title,
            "base": base,
            "name": name,
            "preloads": "\n".join(preloads),
            "body": self.pages[name],
        }
        frame = re.sub(r"{{(\w+)}}", lambda slot: slots[slot[1]], self.pages["frame"])
        return Asset.of(frame.encode(), "text/html; charset=utf-8")
