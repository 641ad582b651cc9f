"""What the Slack app remembers: events seen, threads, runs, rules and installations.

In the same SQLite file as the conversations, in tables of its own.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import orjson

RunState = Literal["queued", "running", "done", "failed", "stopped"]

_EVENTS_KEPT_S = 24 * 3600  # Slack sends an event again within an hour at most
_SCHEMA = """
CREATE TABLE IF NOT EXISTS slack_events (
    team TEXT NOT NULL, key TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (team, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS slack_events_at ON slack_events (at);
CREATE TABLE IF NOT EXISTS slack_threads (
    team TEXT NOT NULL, channel TEXT NOT NULL, thread TEXT NOT NULL,
    conversation TEXT, at REAL NOT NULL, PRIMARY KEY (team, channel, thread)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slack_runs (
    id TEXT PRIMARY KEY, team TEXT NOT NULL, channel TEXT NOT NULL, thread TEXT NOT NULL,
    user TEXT NOT NULL, question TEXT NOT NULL, entry TEXT NOT NULL, state TEXT NOT NULL,
    answer TEXT NOT NULL, messages TEXT NOT NULL, at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS slack_runs_of_answer ON slack_runs (answer);
CREATE INDEX IF NOT EXISTS slack_runs_of_thread ON slack_runs (team, channel, thread);
CREATE TABLE IF NOT EXISTS slack_rules (
    team TEXT NOT NULL, channel TEXT NOT NULL, rule TEXT NOT NULL, PRIMARY KEY (team, channel)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slack_installations (
    team TEXT PRIMARY KEY, installation BLOB NOT NULL, at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slack_states (state TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
"""
_OF_TEAMS = ("slack_events", "slack_threads", "slack_runs", "slack_rules", "slack_installations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One question on its way to a reply.

    `thread` is the ts of the thread's first message, or a name of our own where there is no
    thread (commands); `entry` is how the question came in; `messages` are the ts of our replies.
    """

    id: str
    team: str
    channel: str
    thread: str
    user: str
    question: str
    entry: str
    state: RunState = "queued"
    answer: str = ""
    messages: tuple[str, ...] = ()


class SlackStore:
    """The tables in the file at `path`, made where missing. Safe to share between threads."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA busy_timeout = 10000")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _run(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def take(self, team: str, key: str) -> bool:
        """Marks an event as seen; False if it was already, also by an earlier process."""
        with self._lock:
            sql = "INSERT OR IGNORE INTO slack_events VALUES (?, ?, ?)"
            return self._db.execute(sql, (team, key, self._clock())).rowcount == 1

    def take_run(self, key: str, run: Run) -> bool:
        """Marks an event as seen and adds its run, both or neither; False if it was seen."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                sql = "INSERT OR IGNORE INTO slack_events VALUES (?, ?, ?)"
                is_new = self._db.execute(sql, (run.team, key, self._clock())).rowcount == 1
                if is_new:
                    self._db.execute(_INSERT_RUN, self._row(run))
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
        return is_new

    def save(self, run: Run) -> None:
        """Stores the run as it is now."""
        self._run(_INSERT_RUN, self._row(run))

    def _row(self, run: Run) -> tuple[object, ...]:
        messages = orjson.dumps(run.messages).decode()
        where = (run.id, run.team, run.channel, run.thread, run.user, run.question, run.entry)
        return (*where, run.state, run.answer, messages, self._clock())

    def run(self, run_id: str) -> Run | None:
        """The run of this id."""
        return next(iter(self._runs("id = ?", (run_id,))), None)

    def run_of_answer(self, answer_id: str) -> Run | None:
        """The run that gave this answer."""
        return next(iter(self._runs("answer = ?", (answer_id,))), None)

    def runs_of_thread(self, team: str, channel: str, thread: str) -> list[Run]:
        """The runs of a thread, oldest first."""
        values = (team, channel, thread)
        return self._runs("team = ? AND channel = ? AND thread = ?", values)

    def unfinished(self) -> list[Run]:
        """Runs that an earlier process left, oldest first."""
        return self._runs("state IN ('queued', 'running')", ())

    def _runs(self, where: str, values: Sequence[object]) -> list[Run]:
        sql = (
            "SELECT id, team, channel, thread, user, question, entry, state, answer, messages "
            f"FROM slack_runs WHERE {where} ORDER BY at, id"
        )
        names = ("id", "team", "channel", "thread", "user", "question", "entry", "state", "answer")
        found = []
        for row in self._run(sql, values):
            run = Run(**dict(zip(names, row[:-1], strict=True)))
            found.append(replace(run, messages=tuple(orjson.loads(row[-1]))))
        return found

    def delete_run(self, run_id: str) -> None:
        self._run("DELETE FROM slack_runs WHERE id = ?", (run_id,))

    def has_joined(self, team: str, channel: str, thread: str) -> bool:
        """Whether we have answered in this thread, or are about to."""
        sql = (
            "SELECT 1 FROM slack_threads WHERE team = ?1 AND channel = ?2 AND thread = ?3 UNION "
            "SELECT 1 FROM slack_runs WHERE team = ?1 AND channel = ?2 AND thread = ?3"
        )
        return bool(self._run(sql, (team, channel, thread)))

    def conversation(self, team: str, channel: str, thread: str) -> str | None:
        """The thread's conversation; None before its first answer."""
        found = self._threads("team = ? AND channel = ? AND thread = ?", team, channel, thread)
        return found[0] if found else None

    def join(self, team: str, channel: str, thread: str, conversation: str | None) -> None:
        """Remembers that this thread is ours, and its conversation."""
        self._run(
            "INSERT OR REPLACE INTO slack_threads VALUES (?, ?, ?, ?, ?)",
            (team, channel, thread, conversation, self._clock()),
        )

    def _threads(self, where: str, *values: object) -> list[str | None]:
        sql = f"SELECT conversation FROM slack_threads WHERE {where}"
        return [row[0] for row in self._run(sql, values)]

    def rule(self, team: str, channel: str) -> dict[str, Any]:
        """The channel's rule as plain values; empty where none was set."""
        sql = "SELECT rule FROM slack_rules WHERE team = ? AND channel = ?"
        rows = self._run(sql, (team, channel))
        return dict(orjson.loads(rows[0][0])) if rows else {}

    def set_rule(self, team: str, channel: str, rule: dict[str, Any]) -> None:
        values = (team, channel, orjson.dumps(rule).decode())
        self._run("INSERT OR REPLACE INTO slack_rules VALUES (?, ?, ?)", values)

    def installation(self, team: str) -> bytes | None:
        """The sealed installation of a workspace or organisation."""
        rows = self._run("SELECT installation FROM slack_installations WHERE team = ?", (team,))
        return bytes(rows[0][0]) if rows else None

    def install(self, team: str, installation: bytes) -> None:
        values = (team, installation, self._clock())
        self._run("INSERT OR REPLACE INTO slack_installations VALUES (?, ?, ?)", values)

    def add_state(self, state: str) -> None:
        """Remembers an OAuth state."""
        self._run("INSERT INTO slack_states VALUES (?, ?)", (state, self._clock()))

    def use_state(self, state: str, max_age_s: float) -> bool:
        """Whether the state was given out that recently; it can be used once."""
        with self._lock:
            sql = "DELETE FROM slack_states WHERE state = ? RETURNING at"
            rows = self._db.execute(sql, (state,)).fetchall()
        return bool(rows) and self._clock() - float(rows[0][0]) <= max_age_s

    def forget_team(self, team: str) -> list[str]:
        """Deletes every row of a workspace; the ids of its conversations, to delete as well."""
        conversations = self._threads("team = ? AND conversation IS NOT NULL", team)
        for table in _OF_TEAMS:
            self._run(f"DELETE FROM {table} WHERE team = ?", (team,))
        return [c for c in conversations if c]

    def forget_old(self, days: float) -> list[tuple[str, str]]:
        """Deletes what was last touched longer ago; `(team, conversation)` to delete as well."""
        now = self._clock()
        cutoff = now - days * 24 * 3600
        sql = "DELETE FROM slack_threads WHERE at < ? RETURNING team, conversation"
        with self._lock:
            old = self._db.execute(sql, (cutoff,)).fetchall()
        self._run("DELETE FROM slack_runs WHERE at < ?", (cutoff,))
        self._run("DELETE FROM slack_events WHERE at < ?", (now - _EVENTS_KEPT_S,))
        self._run("DELETE FROM slack_states WHERE at < ?", (now - _EVENTS_KEPT_S,))
        return [(team, conversation) for team, conversation in old if conversation]


_INSERT_RUN = "INSERT OR REPLACE INTO slack_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
