"""API keys: who may use the service from elsewhere, and for what. Kept as hashes."""

import hashlib
import hmac
import re
import secrets
import sqlite3
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from ingest.disk import FORBIDDEN, takes_writes
from ingest.errors import InvalidInput, NotFound, Unavailable

Role = Literal["read", "write", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
KEYS_FILE = "keys.sqlite"
DEFAULT_PER_MINUTE = 120

_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, hash TEXT NOT NULL,
    per_minute INTEGER NOT NULL, created_at TEXT NOT NULL, revoked_at TEXT,
    requests INTEGER NOT NULL DEFAULT 0, last_used_at TEXT
);
"""
_KEY = re.compile(r"cl_([0-9a-f]{12})_([\w-]{43})")
_FLUSH_S = 5.0  # how long uses are counted in memory before they are stored
_COLUMNS = "id, name, role, per_minute, created_at, revoked_at, requests, last_used_at"


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret. `per_minute` limits its requests; 0 does not."""

    id: str
    name: str
    role: Role
    per_minute: int
    created_at: str
    revoked_at: str | None
    requests: int
    last_used_at: str | None

    def may(self, role: Role) -> bool:
        """Whether this key's role includes the other."""
        return ROLES.index(self.role) >= ROLES.index(role)


class Keys:
    """The SQLite file at `path`; made where it is missing. Safe to share between threads.

    Secrets are 256 random bits, so that a plain SHA-256 of them tells nothing and is quick.

    Raises:
        Unavailable: there are keys, and the file cannot be written to, so that one revoked
            elsewhere would still open the door.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._uses: dict[str, int] = {}
        self._stored_at = time.monotonic()
        is_new = not path.exists()
        try:
            self._open(str(path))
            path.chmod(0o600)
        except (sqlite3.OperationalError, OSError) as error:
            if takes_writes(path.parent):
                raise
            if not is_new:
                raise Unavailable(FORBIDDEN) from error
            self._open(":memory:")

    def _open(self, path: str) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA busy_timeout = 10000")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Stores what was counted and closes the file."""
        with self._lock:
            self._store_uses()
            self._db.close()

    def create(self, name: str, role: Role, per_minute: int = DEFAULT_PER_MINUTE) -> str:
        """A new key; what is returned is shown once and cannot be got again.

        Raises:
            InvalidInput: a key that works has this name.
        """
        if any(key.name == name for key in self.listing()):
            raise InvalidInput(
                f"There is a key named {name!r}. Choose another name, or revoke that one first."
            )
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        values = (key_id, name, role, _hash(secret), per_minute, _now())
        with self._lock:
            self._db.execute(
                "INSERT INTO keys (id, name, role, hash, per_minute, created_at) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                values,
            )
        return f"cl_{key_id}_{secret}"

    def listing(self, *, with_revoked: bool = False) -> list[Key]:
        """The keys, oldest first."""
        which = "" if with_revoked else "WHERE revoked_at IS NULL "
        sql = f"SELECT {_COLUMNS} FROM keys {which}ORDER BY created_at, id"
        with self._lock:
            self._store_uses()
            return [Key(*row) for row in self._db.execute(sql)]

    def revoke(self, name: str) -> None:
        """Ends a key, by name or id, at once.

        Raises:
            NotFound: there is no such key, or it was revoked before.
        """
        sql = "UPDATE keys SET revoked_at = ? WHERE (id = ? OR name = ?) AND revoked_at IS NULL"
        with self._lock:
            n = self._db.execute(sql, (_now(), name, name)).rowcount
        if not n:
            raise NotFound(f"There is no key {name!r}. List them with: citelight keys list")

    def check(self, text: str) -> Key | None:
        """The key that this text is, counted as used once; None if it is none.

        Takes the same time for an unknown id as for a wrong secret.
        """
        parsed = _KEY.fullmatch(text)
        key_id, secret = (parsed[1], parsed[2]) if parsed else ("", "")
        sql = f"SELECT hash, {_COLUMNS} FROM keys WHERE id = ? AND revoked_at IS NULL"
        with self._lock:
            row = self._db.execute(sql, (key_id,)).fetchone()
            is_right = hmac.compare_digest(row[0] if row else _hash(""), _hash(secret))
            if row is None or not is_right:
                return None
            self._uses[key_id] = self._uses.get(key_id, 0) + 1
            if time.monotonic() - self._stored_at > _FLUSH_S:
                self._store_uses()
        return Key(*row[1:])

    def _store_uses(self) -> None:
        now = _now()
        self._db.executemany(
            "UPDATE keys SET requests = requests + ?, last_used_at = ? WHERE id = ?",
            [(n, now, key_id) for key_id, n in self._uses.items()],
        )
        self._uses.clear()
        self._stored_at = time.monotonic()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
