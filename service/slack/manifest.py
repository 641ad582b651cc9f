"""The app manifest, and what each scope in it is for."""

from typing import Any

from ingest.errors import InvalidInput

COMMAND = "/papers"
SHORTCUT = "citelight_find_papers"
EVENTS_PATH = "/slack/events"
INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"

# Web API method -> the scope it needs; None: any token will do
METHODS: dict[str, str | None] = {
    "agents.sessions.setStatus": "chat:write",
    "apps.connections.open": None,
    "assistant.threads.setStatus": "chat:write",
    "assistant.threads.setSuggestedPrompts": "assistant:write",
    "auth.test": None,
    "chat.appendStream": "chat:write",
    "chat.delete": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.startStream": "chat:write",
    "chat.stopStream": "chat:write",
    "chat.update": "chat:write",
    "conversations.replies": "channels:history",
    "oauth.v2.access": None,
    "views.open": None,
    "views.publish": None,
}
_EVENTS: dict[str, str | None] = {
    "agent_session_stopped": None,
    "app_home_opened": None,
    "app_mention": "app_mentions:read",
    "app_uninstalled": None,
    "message.im": "im:history",
    "tokens_revoked": None,
}
_THREAD_EVENTS: dict[str, str | None] = {
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.mpim": "mpim:history",
}
# What an administrator is told each scope is for; the keys are all scopes there are.
SCOPES: dict[str, str] = {
    "app_mentions:read": "see messages that mention the app",
    "assistant:write": "suggest questions in the Messages tab; part of every agent",
    "channels:history": "go on in threads of public channels without a mention",
    "chat:write": "reply, stream, show progress, delete own replies",
    "commands": "offer /papers and the message shortcut",
    "groups:history": "go on in threads of private channels without a mention",
    "im:history": "read direct messages to the app",
    "mpim:history": "go on in group conversations without a mention",
}
_PROMPTS = [
    ("What is in this library?", "Which topics do the papers in this library cover?"),
    ("Compare two methods", "How do dense and lexical retrieval differ?"),
]


def bot_events(*, mention_only: bool) -> list[str]:
    """The events to subscribe to."""
    return sorted(_EVENTS if mention_only else _EVENTS | _THREAD_EVENTS)


def scopes(*, mention_only: bool) -> list[str]:
    """The bot scopes to ask for: those of the events, the methods and the command.

    Without the events of channels their history cannot be read; a mention inside a thread is then
    answered without what was said before it.
    """
    needed = {*_EVENTS.values(), *METHODS.values(), "commands"} - {None}
    if mention_only:
        needed -= set(_THREAD_EVENTS.values())
    else:
        needed |= set(_THREAD_EVENTS.values())
    return sorted(str(scope) for scope in needed)


def manifest(
    *, name: str, url: str, is_socket: bool = False, mention_only: bool = False
) -> dict[str, Any]:
    """The manifest to paste at api.slack.com/apps, for requests to `url` or by Socket Mode.

    Raises:
        InvalidInput: requests are to come over HTTP, and there is no https address for them.
    """
    url = url.rstrip("/")
    if not is_socket and not url.startswith("https://"):
        raise InvalidInput(
            "Slack sends requests to a public https address only. Set CITELIGHT_PUBLIC_URL to "
            "it, or use Socket Mode with --socket."
        )
    found: dict[str, Any] = {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": _display(name),
        "features": _features(name, url, is_socket),
        "oauth_config": {"scopes": {"bot": scopes(mention_only=mention_only)}},
        "settings": _settings(url, is_socket, mention_only),
    }
    if not is_socket:
        found["oauth_config"]["redirect_urls"] = [url + REDIRECT_PATH]
    return found


def _display(name: str) -> dict[str, Any]:
    return {
        "name": name[:35],
        "description": "Answers from scientific abstracts, each claim with the sentence behind it",
        "long_description": (
            "Ask in a direct message, by a mention or with the command. The answer is drawn from "
            "the abstracts of the papers in your library, and under it stands, for every paper "
            "cited, the very sentence that supports it. If the library does not hold an answer, "
            "the app says so and names the nearest papers."
        ),
        "background_color": "#1f3a5f",
    }


def _features(name: str, url: str, is_socket: bool) -> dict[str, Any]:
    command = {
        "command": COMMAND,
        "description": "Ask the paper library; only you see the answer",
        "usage_hint": "your question",
        "should_escape": False,
    }
    return {
        "app_home": {
            "home_tab_enabled": True,
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": False,
        },
        "agent_view": {
            "agent_description": "Answers questions from the abstracts in your paper library.",
            "suggested_prompts": [{"title": t, "message": m} for t, m in _PROMPTS],
        },
        "bot_user": {"display_name": name[:80], "always_online": True},
        "shortcuts": [
            {
                "name": "Find papers on this",
                "type": "message",
                "callback_id": SHORTCUT,
                "description": "Answers in the message's thread, from the paper library",
            }
        ],
        "slash_commands": [command if is_socket else command | {"url": url + EVENTS_PATH}],
    }


def _settings(url: str, is_socket: bool, mention_only: bool) -> dict[str, Any]:
    address = {} if is_socket else {"request_url": url + EVENTS_PATH}
    return {
        "event_subscriptions": {**address, "bot_events": bot_events(mention_only=mention_only)},
        "interactivity": {"is_enabled": True, **address},
        "org_deploy_enabled": False,
        "socket_mode_enabled": is_socket,
        "token_rotation_enabled": False,
    }
