"""Conversations and answers, kept in a SQLite file of their own."""

import logging
import re
import secrets
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from ingest.disk import takes_writes
from ingest.errors import NotFound
from service.citations import Answer, plain

logger = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS conversations (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, title TEXT NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
DROP INDEX IF EXISTS conversations_of_owner;
CREATE INDEX IF NOT EXISTS conversations_listed
    ON conversations (owner, updated_at DESC, id, title);
CREATE TABLE IF NOT EXISTS answers (
    id TEXT PRIMARY KEY, conversation TEXT REFERENCES conversations (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL, answer BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS answers_of_conversation ON answers (conversation, created_at);
CREATE TABLE IF NOT EXISTS feedback (
    id INTEGER PRIMARY KEY, answer TEXT NOT NULL REFERENCES answers (id) ON DELETE CASCADE,
    n INTEGER, is_helpful INTEGER NOT NULL, reason TEXT NOT NULL, created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS feedback_of_answer ON feedback (answer);
"""
_TITLE_LENGTH = 80
_WILD, _ESCAPED = re.compile(r"[\\%_]"), r"\\\g<0>"  # what LIKE would take for any text


@dataclass(frozen=True, slots=True)
class Conversation:
    """A row of someone's history."""

    id: str
    title: str
    updated_at: str


class Conversations:
    """The SQLite file at `path`; made where it is missing. Safe to share between threads.

    Where nothing can be written, answers are given all the same, and kept no longer than this.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        try:
            self._open(str(path))
        except sqlite3.OperationalError as error:
            if takes_writes(path.parent):
                raise
            logger.warning("answers are not kept: %s", error)
            self._open(":memory:")

    def _open(self, path: str) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            self._db.execute("PRAGMA busy_timeout = 10000")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.executescript(_SCHEMA)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _run(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def start(self, owner: str, question: str) -> str:
        """A new conversation of this owner, named after its first question; its id.

        On a full disk it is not kept: there is none of that id.
        """
        conversation_id, now = new_id(), _now()
        title = " ".join(question.split())[:_TITLE_LENGTH]
        try:
            self._run(
                "INSERT INTO conversations VALUES (?, ?, ?, ?, ?)",
                (conversation_id, owner, title, now, now),
            )
        except sqlite3.OperationalError as error:
            logger.warning("a conversation is not kept: %s", error)
        return conversation_id

    def of(self, owner: str, wanted: str = "", *, limit: int = 100) -> list[Conversation]:
        """The owner's conversations whose title has `wanted`, last used first."""
        sql = (
            "SELECT id, title, updated_at FROM conversations WHERE owner = ? "
            "AND title LIKE ? ESCAPE '\\' ORDER BY updated_at DESC, id LIMIT ?"
        )
        pattern = f"%{_WILD.sub(_ESCAPED, wanted)}%"
        return [Conversation(*row) for row in self._run(sql, (owner, pattern, limit))]

    def check(self, conversation_id: str, owner: str) -> str:
        """The conversation's title.

        Raises:
            NotFound: there is none of that id, or it is somebody else's.
        """
        sql = "SELECT title FROM conversations WHERE id = ? AND owner = ?"
        rows = self._run(sql, (conversation_id, owner))
        if not rows:
            raise NotFound("There is no such conversation. It may have been deleted.")
        return str(rows[0][0])

    def rename(self, conversation_id: str, owner: str, title: str) -> None:
        self.check(conversation_id, owner)
        self._run("UPDATE conversations SET title = ? WHERE id = ?", (title, conversation_id))

    def delete(self, conversation_id: str, owner: str) -> None:
        """Deletes the conversation and every answer in it."""
        self.check(conversation_id, owner)
        self._run("DELETE FROM conversations WHERE id = ?", (conversation_id,))

    def turns(self, conversation_id: str, n: int = -1) -> list[dict[str, Any]]:
        """The last `n` stored answers of a conversation (all below 0), oldest first."""
        sql = (
            "SELECT answer FROM answers WHERE conversation = ? "
            "ORDER BY created_at DESC, rowid DESC LIMIT ?"
        )
        rows = self._run(sql, (conversation_id, n))
        return [orjson.loads(row[0]) for row in reversed(rows)]

    def save(self, answer: Answer) -> None:
        """Stores an answer, which is never changed.

        It is not kept where the disk is full, or where its conversation is gone meanwhile.
        """
        try:
            self._save(answer)
        except (sqlite3.OperationalError, sqlite3.IntegrityError) as error:
            logger.warning("an answer is not kept: %s", error)

    def _save(self, answer: Answer) -> None:
        self._run(
            "INSERT INTO answers VALUES (?, ?, ?, ?)",
            (answer.id, answer.conversation_id, answer.created_at, orjson.dumps(plain(answer))),
        )
        if answer.conversation_id:
            sql = "UPDATE conversations SET updated_at = ? WHERE id = ?"
            self._run(sql, (_now(), answer.conversation_id))

    def answer(self, answer_id: str) -> dict[str, Any]:
        """A stored answer as plain values.

        Raises:
            NotFound: there is none of that id.
        """
        rows = self._run("SELECT answer FROM answers WHERE id = ?", (answer_id,))
        if not rows:
            raise NotFound("There is no such answer. It may have been deleted.")
        stored: dict[str, Any] = orjson.loads(rows[0][0])
        return stored

    def last(self, n: int) -> list[dict[str, Any]]:
        """The `n` answers given last, newest first, whoever asked."""
        rows = self._run("SELECT answer FROM answers ORDER BY rowid DESC LIMIT ?", (n,))
        return [orjson.loads(row[0]) for row in rows]

    def feedback(self) -> list[dict[str, Any]]:
        """All feedback as evaluation cases, oldest first: asked, cited, and thought of it."""
        rows = self._run(
            "SELECT f.answer, f.n, f.is_helpful, f.reason, f.created_at, a.answer "
            "FROM feedback f JOIN answers a ON a.id = f.answer ORDER BY f.id"
        )
        return [_case(*row) for row in rows]

    def give_feedback(
        self, answer_id: str, is_helpful: bool, *, reason: str = "", n: int | None = None
    ) -> None:
        """Keeps what a reader thinks of an answer, or of its citation `n`.

        Raises:
            NotFound: there is no such answer.
        """
        self.answer(answer_id)
        sql = (
            "INSERT INTO feedback (answer, n, is_helpful, reason, created_at) "
            "VALUES (?, ?, ?, ?, ?)"
        )
        self._run(sql, (answer_id, n, is_helpful, reason, _now()))


def _case(
    answer_id: str, n: int | None, is_helpful: int, reason: str, at: str, stored: bytes
) -> dict[str, Any]:
    """One piece of feedback with what it is about.

    `titles`, the papers that a right answer cites, are those that were found helpful; what was not
    helpful names none, for nobody said what would be right.
    """
    answer = orjson.loads(stored)
    cited = [c for c in answer["citations"] if n is None or c["n"] == n]
    right = {"titles": [c["paper"]["title"] for c in cited]} if is_helpful and cited else {}
    return {
        "question": answer["query"],
        **right,
        "papers": [c["paper"]["id"] for c in cited],
        "is_helpful": bool(is_helpful),
        "citation": n,
        "reason": reason,
        "answer": answer_id,
        "at": at,
    }


def new_id() -> str:
    """An id nobody can guess: answers are readable by whoever has theirs."""
    return secrets.token_urlsafe(12)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
