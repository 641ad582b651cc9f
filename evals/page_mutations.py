"""Whether the tests of the web page notice when a feature of it is broken.

    uv run python -m evals.page_mutations [word of the names to try]

Breaks the page in one place at a time, in a copy of the working tree, and runs the test that is
said to watch that place. Prints a line for each; exit code 1 if a test passed all the same, or
fails on the whole page too.
"""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_COPIED = ("ingest", "service", "prompts", "tests", "pyproject.toml", "README.md")
_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Mutation:
    """`old` becomes `new` in a file of the page; `test` must fail then."""

    file: str
    old: str
    new: str
    test: str

    def apply(self, static: Path) -> str:
        """Breaks the file and returns what it was.

        Raises:
            ValueError: the text is not there just once, so the list is out of date.
        """
        path = static / self.file
        whole = path.read_text()
        if whole.count(self.old) != 1:
            raise ValueError(f"{self.file} has {whole.count(self.old)} times: {self.old}")
        path.write_text(whole.replace(self.old, self.new))
        return whole


CHAT = "tests/test_web_chat.py::test_"
ACCESS = "tests/test_web_access.py::test_"
MUTATIONS = [
    Mutation(
        "turn.js",
        "markSentences(this.body",
        "void (this.body",
        f"{CHAT}sentences_that_fail_the_check_are_marked_and_say_why",
    ),
    Mutation(
        "turn.js",
        "this.papers = papers;\n    this.query",
        "this.query",
        f"{CHAT}sources_are_shown_before_the_first_word",
    ),
    Mutation(
        "turn.js",
        "known.set(citation.n, citation);",
        "void 0;",
        f"{CHAT}chips_stand_in_the_text_while_it_grows",
    ),
    Mutation(
        "turn.js",
        "isRefusal ? this.#nearest() : null",
        "null",
        f"{CHAT}nearby_papers_are_listed_without_an_answer",
    ),
    Mutation(
        "turn.js",
        "...(notes ?? []).map(",
        "...[].map(",
        f"{CHAT}an_answer_after_the_model_failed_carries_the_note",
    ),
    Mutation(
        "turn.js",
        'this.painter.finish("");',
        "",
        f"{CHAT}an_answer_that_begins_anew_takes_back_what_was_written",
    ),
    Mutation(
        "turn.js",
        "if (failure.retryAfter)",
        "if (false)",
        f"{CHAT}too_many_questions_count_down_to_the_next_try",
    ),
    Mutation(
        "turn.js",
        "{ is_literal: true }",
        "{}",
        f"{CHAT}what_was_read_as_a_filter_is_shown_and_can_be_taken_back",
    ),
    Mutation(
        "turn.js",
        "onclick: () => this.hooks.onEdit(query)",
        "onclick: () => 0",
        f"{CHAT}the_search_behind_a_follow_up_is_shown_and_can_be_edited",
    ),
    Mutation(
        "chat.js",
        "depth: depth(), ",
        "",
        f"{CHAT}a_thorough_answer_is_asked_for_until_the_button_is_pressed_again",
    ),
    Mutation(
        "chat.js",
        "filters: filters.body,",
        "",
        f"{CHAT}filters_are_sent_and_shown_as_chips_that_can_be_removed",
    ),
    Mutation(
        "chat.js",
        "if (!navigator.onLine) {",
        "if (false) {",
        f"{CHAT}offline_the_page_stays_readable_and_the_question_is_kept",
    ),
    Mutation(
        "chat.js",
        "    takeUpRun(stored);\n",
        "",
        f"{CHAT}reload_while_an_answer_streams_loses_nothing",
    ),
    Mutation(
        "chat.js",
        "  run.stop();\n",
        "  run.leave();\n",
        f"{CHAT}stop_ends_the_servers_work_and_keeps_what_was_written",
    ),
    Mutation(
        "chat.js",
        'event.key !== "Enter" || event.shiftKey',
        'event.key !== "Enter"',
        f"{ACCESS}shift_enter_breaks_the_line_and_does_not_ask",
    ),
    Mutation(
        "chat.js",
        "lightTogether(document.body);",
        "",
        f"{CHAT}all_chips_of_a_source_light_up_together",
    ),
    Mutation(
        "stream.js",
        "if (attempt > TRIES) throw",
        "if (attempt >= 0) throw",
        f"{CHAT}a_cut_connection_is_taken_up_where_it_broke",
    ),
    Mutation(
        "stream.js",
        "[404, 410].includes(error.status)",
        "false",
        f"{CHAT}an_answer_that_the_server_lost_is_said_to_be_lost",
    ),
    Mutation(
        "stream.js",
        "remember: navigator.cookieEnabled",
        "remember: true",
        f"{CHAT}without_cookies_the_page_works_and_says_that_nothing_is_kept",
    ),
    Mutation(
        "verdicts.js",
        "if (!good) return",
        "if (false) return",
        f"{CHAT}sentences_that_fail_the_check_are_marked_and_say_why",
    ),
    Mutation(
        "footer.js",
        "tell(answer, { helpful: false, reason }",
        "tell(answer, { helpful: false }",
        f"{CHAT}feedback_reaches_the_server_with_its_reason",
    ),
    Mutation(
        "filters.js",
        "onclick: () => this.#choose(without)",
        "onclick: () => 0",
        f"{CHAT}filters_are_sent_and_shown_as_chips_that_can_be_removed",
    ),
    Mutation(
        "painter.js",
        "requestAnimationFrame(() => this.#paint(withoutCutMark(this.text)));",
        "setTimeout(() => this.#paint(withoutCutMark(this.text)), 300);",
        f"{CHAT}the_first_word_is_painted_in_the_next_frame",
    ),
    Mutation(
        "welcome.js",
        "onclick: () => onAsk(question)",
        "onclick: () => 0",
        f"{CHAT}an_example_is_asked_by_a_click",
    ),
    Mutation(
        "base.css",
        "--muted: light-dark(#645d52",
        "--muted: light-dark(#c9c2b7",
        "tests/test_web.py::test_text_stands_out_from_its_ground",
    ),
]


def main() -> int:
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    survived = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        copy.mkdir()
        for name in _COPIED:
            put = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            put(ROOT / name, copy / name)
        for mutation in (m for m in MUTATIONS if word in m.test + m.file):
            is_caught = not _fails(mutation.test, copy) and _is_caught(mutation, copy)
            survived += not is_caught
            said = "caught  " if is_caught else "SURVIVED"
            print(said, mutation.file, mutation.test, flush=True)  # noqa: T201
    return 1 if survived else 0


def _is_caught(mutation: Mutation, copy: Path) -> bool:
    static = copy / "service" / "web" / "static"
    before = mutation.apply(static)
    try:
        return _fails(mutation.test, copy)
    finally:
        (static / mutation.file).write_text(before)


def _fails(test: str, copy: Path) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test]
    done = subprocess.run(command, cwd=copy, capture_output=True, timeout=_TIMEOUT_S, check=False)
    return done.returncode == 1


if __name__ == "__main__":
    sys.exit(main())
