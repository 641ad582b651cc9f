"""Workspaces that installed the app: tokens sealed at rest, and the OAuth flow that brings them."""

import asyncio
import logging
import secrets
from base64 import urlsafe_b64decode
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken
from slack_bolt.error import BoltError
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient

from ingest.errors import CitelightError, InvalidInput
from service.slack.config import Config
from service.slack.manifest import INSTALL_PATH, REDIRECT_PATH, scopes
from service.slack.store import SlackStore

logger = logging.getLogger(__name__)

_STATE_S = 600
_KEY_BYTES = 32


class Vault:
    """Seals bytes with the key of the settings (Fernet: AES-128 in CBC mode with an HMAC)."""

    def __init__(self, key: str) -> None:
        """Raises `InvalidInput` unless the key is one that Fernet takes."""
        try:
            if len(urlsafe_b64decode(key)) != _KEY_BYTES:
                raise ValueError
            self._fernet = Fernet(key)
        except ValueError as error:
            raise InvalidInput(
                "CITELIGHT_SLACK_KEY is no key. Make one with: citelight slack key"
            ) from error

    def seal(self, content: bytes) -> bytes:
        return self._fernet.encrypt(content)

    def open(self, sealed: bytes) -> bytes:
        """Raises `CitelightError` for what another key sealed."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise CitelightError(
                "A stored Slack token cannot be read: CITELIGHT_SLACK_KEY has changed. Put the "
                "old key back, or install the app again."
            ) from error


def new_key() -> str:
    """A fresh key for the vault."""
    return Fernet.generate_key().decode()


class Installations(AsyncInstallationStore):
    """Installations by workspace, or by organisation for those of whole organisations."""

    def __init__(self, store: SlackStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._tokens: dict[str, str] = {}

    @property
    def logger(self) -> logging.Logger:
        return logger

    async def async_save(self, installation: Installation) -> None:
        team = _owner(installation.enterprise_id, installation.team_id)
        values = {"bot_token": installation.bot_token, "bot_user": installation.bot_user_id}
        sealed = self._vault.seal(orjson.dumps(values))
        await asyncio.to_thread(self._store.install, team, sealed)
        self._tokens.pop(team, None)
        logger.info("installed in the workspace %s", team)

    async def async_save_bot(self, bot: Bot) -> None:
        """Not needed: `async_save` keeps the bot."""

    async def token(self, enterprise_id: str | None, team_id: str | None) -> str | None:
        """The bot token for a workspace: its own, or else its organisation's."""
        owners = [owner for owner in (team_id, enterprise_id) if owner]
        for owner in owners:
            if owner in self._tokens:
                return self._tokens[owner]
        for owner in owners:
            if sealed := await asyncio.to_thread(self._store.installation, owner):
                found: dict[str, Any] = orjson.loads(self._vault.open(sealed))
                return self._tokens.setdefault(owner, str(found["bot_token"]))
        return None

    def forget(self) -> None:
        """Reads tokens from the database again, as after an uninstall."""
        self._tokens.clear()


class States(AsyncOAuthStateStore):
    """OAuth states, each good once and for ten minutes."""

    def __init__(self, store: SlackStore) -> None:
        self._store = store

    @property
    def logger(self) -> logging.Logger:
        return logger

    async def async_issue(self, *args: Any, **kwargs: Any) -> str:
        state = secrets.token_urlsafe(24)
        await asyncio.to_thread(self._store.add_state, state)
        return state

    async def async_consume(self, state: str) -> bool:
        return await asyncio.to_thread(self._store.use_state, state, _STATE_S)


def _owner(enterprise_id: str | None, team_id: str | None) -> str:
    owner = team_id or enterprise_id
    if not owner:
        raise BoltError("an installation names neither workspace nor organisation")
    return owner


def oauth_flow(
    config: Config,
    store: SlackStore,
    installations: Installations,
    client: AsyncWebClient,
) -> AsyncOAuthFlow:
    """The flow behind `/slack/install` and `/slack/oauth_redirect`."""
    return AsyncOAuthFlow(
        client=client,
        logger=logger,
        settings=AsyncOAuthSettings(
            client_id=config.client_id,
            client_secret=config.client_secret,
            scopes=scopes(mention_only=False),
            user_scopes=[],
            redirect_uri=config.public_url + REDIRECT_PATH,
            install_path=INSTALL_PATH,
            redirect_uri_path=REDIRECT_PATH,
            installation_store=installations,
            state_store=States(store),
            state_expiration_seconds=_STATE_S,
            logger=logger,
        ),
    )
