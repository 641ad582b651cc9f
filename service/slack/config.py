"""What the Slack app is told by the settings, and what is missing from it."""

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from service.settings import Settings

EXTRA = "Slack needs the extra `slack`. Install it with: pip install 'citelight[slack]'"
_LIBRARIES = ("slack_bolt", "slack_sdk", "aiohttp", "cryptography")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Tokens and switches. `admins` are user ids; empty allows everybody to set channel rules."""

    bot_token: str = field(default="", repr=False)
    signing_secret: str = field(default="", repr=False)
    app_token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    allow_external: bool = False
    admins: frozenset[str] = frozenset()
    rules: Path | None = None
    days_kept: float = 90
    at_once: int = 8
    public_url: str = ""
    model: str = ""
    api_url: str = "https://slack.com/api/"

    @property
    def is_oauth(self) -> bool:
        """Whether many workspaces may install the app."""
        return bool(self.client_id)

    @property
    def is_wanted(self) -> bool:
        """Whether anything of Slack was set."""
        return bool(self.bot_token or self.signing_secret or self.app_token or self.client_id)

    def missing(self, *, is_socket: bool = False) -> str | None:
        """What to do before the app can run; None if nothing."""
        if any(find_spec(library) is None for library in _LIBRARIES):
            return EXTRA
        if self.bot_token and self.client_id:
            return "Set SLACK_BOT_TOKEN for one workspace or SLACK_CLIENT_ID for many, not both."
        needed = {
            "SLACK_APP_TOKEN": self.app_token or not is_socket,
            "SLACK_SIGNING_SECRET": self.signing_secret or is_socket,
            "SLACK_BOT_TOKEN": self.bot_token or self.client_id,
            "SLACK_CLIENT_SECRET": self.client_secret or not self.client_id,
            "CITELIGHT_SLACK_KEY": self.key or not self.client_id,
            "CITELIGHT_PUBLIC_URL": self.public_url or not self.client_id,
        }
        names = [name for name, is_there in needed.items() if not is_there]
        if names:
            return f"Slack is not set up: set {', '.join(names)}. See docs/slack.md."
        return None


def config_of(settings: Settings) -> Config:
    """The Slack part of the settings."""
    return Config(
        bot_token=settings.slack_bot_token.get_secret_value(),
        signing_secret=settings.slack_signing_secret.get_secret_value(),
        app_token=settings.slack_app_token.get_secret_value(),
        client_id=settings.slack_client_id,
        client_secret=settings.slack_client_secret.get_secret_value(),
        key=settings.slack_key.get_secret_value(),
        allow_external=settings.slack_allow_external,
        admins=frozenset(settings.slack_admins.replace(",", " ").split()),
        rules=None if settings.slack_rules in (None, Path()) else settings.slack_rules,
        days_kept=settings.slack_days_kept,
        at_once=settings.slack_at_once,
        public_url=settings.public_url.rstrip("/"),
        model=settings.model,
        api_url=settings.slack_api_url,
    )
