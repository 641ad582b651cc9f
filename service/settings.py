"""Every knob, with a default that works on a fresh machine without key or network."""

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from the environment and from `.env` in the working folder."""

    model_config = SettingsConfigDict(
        env_prefix="CITELIGHT_", env_file=".env", extra="ignore", populate_by_name=True
    )

    home: Path = Field(
        default=Path("~/.local/share/citelight"),
        description="Folder of all state: papers, indexes, conversations.",
    )
    host: str = Field(default="127.0.0.1", description="Address the service listens on.")
    port: int = Field(default=8765, ge=0, le=65535, description="Port the service listens on.")
    public_url: str = Field(
        default="", description="Address users reach the service at, for permalinks."
    )

    access: Literal["auto", "keys", "open"] = Field(
        default="auto",
        description="Who needs an API key: `keys` all, `open` nobody, `auto` all but on loopback.",
    )
    allowed_hosts: str = Field(
        default="", description="Host names the service answers to, comma-separated."
    )
    cors_origins: str = Field(
        default="",
        description="Origins whose web pages may call the API, comma-separated; `*` is all.",
    )
    rate_limit: int = Field(
        default=0, ge=0, description="Requests a minute of an address without key. 0: no limit."
    )
    max_body_kb: int = Field(
        default=1000, ge=10, description="Kilobytes that a request may have, uploads aside."
    )
    max_upload_mb: int = Field(
        default=200, ge=1, description="Megabytes that an upload of papers may have."
    )

    log_format: Literal["console", "json"] = Field(
        default="console", description="Log lines for people, or a JSON object each: `json`."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important log lines that are written."
    )
    log_questions: bool = Field(
        default=False, description="Write what was asked into the log; else it stays out of it."
    )

    otlp_endpoint: str = Field(
        default="",
        description="OpenTelemetry collector for traces, as http://127.0.0.1:4318. Empty: none.",
    )

    chroma_url: str = Field(
        default="",
        validation_alias=AliasChoices("CHROMA_URL", "CITELIGHT_CHROMA_URL"),
        description="Chroma server to keep vectors on, as http://chroma:8000. Empty: embedded.",
    )

    model: str = Field(
        default="",
        description="Chat model that writes the answers. Empty: extractive answers, no model.",
    )
    openai_base_url: str = Field(
        default="",
        validation_alias=AliasChoices("OPENAI_BASE_URL", "CITELIGHT_OPENAI_BASE_URL"),
        description="Base URL of an OpenAI-compatible server. Empty: OpenAI's own.",
    )
    openai_api_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("OPENAI_API_KEY", "CITELIGHT_OPENAI_API_KEY"),
        description="Key for that server; local ones need none.",
    )
    azure_api_version: str = Field(
        default="",
        validation_alias=AliasChoices("OPENAI_API_VERSION", "CITELIGHT_AZURE_API_VERSION"),
        description="For Azure: its API version; the base URL is then the resource's address.",
    )
    context_window: int = Field(
        default=8192, ge=1024, description="Tokens the model takes, prompt and answer together."
    )
    max_answer_tokens: int = Field(
        default=800, ge=64, description="Tokens kept for the answer within the context window."
    )
    llm_timeout_s: float = Field(
        default=60.0, gt=0, description="Seconds until a model's answer must be complete."
    )

    price_prompt: float = Field(
        default=0.0, ge=0, description="Price of a million tokens sent to the model, for `cost`."
    )
    price_completion: float = Field(
        default=0.0, ge=0, description="Price of a million tokens that the model writes."
    )

    strict: bool = Field(
        default=False,
        description="Leave out sentences of a model that their sources do not say, not mark them.",
    )

    embedder: str = Field(
        default="embedded",
        description="`embedded` (all-MiniLM-L6-v2), or a model name of an embeddings API.",
    )
    embedder_base_url: str = Field(
        default="", description="Base URL of the embeddings API. Empty: as for the chat model."
    )
    embedder_api_key: SecretStr = Field(
        default=SecretStr(""), description="Key of the embeddings API. Empty: as for the chat."
    )

    contact: str = Field(
        default="",
        pattern=r"^$|^[^@\s]+@[^@\s]+$",
        description="Your e-mail address, which services that feed papers ask for.",
    )
    openalex_api_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("OPENALEX_API_KEY", "CITELIGHT_OPENALEX_API_KEY"),
        description="Key of OpenAlex; free, and needed for more than a try.",
    )
    ncbi_api_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("NCBI_API_KEY", "CITELIGHT_NCBI_API_KEY"),
        description="Key of NCBI for PubMed: ten requests a second instead of three.",
    )
    semantic_scholar_api_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices(
            "SEMANTIC_SCHOLAR_API_KEY", "CITELIGHT_SEMANTIC_SCHOLAR_API_KEY"
        ),
        description="Key of Semantic Scholar: your own rate instead of a shared one.",
    )

    passages: int = Field(default=8, ge=1, le=50, description="Papers that an answer may draw on.")

    slack_bot_token: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("SLACK_BOT_TOKEN", "CITELIGHT_SLACK_BOT_TOKEN"),
        description="Slack, one workspace: the bot token (xoxb-).",
    )
    slack_signing_secret: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("SLACK_SIGNING_SECRET", "CITELIGHT_SLACK_SIGNING_SECRET"),
        description="Slack over HTTP: the signing secret of the app.",
    )
    slack_app_token: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("SLACK_APP_TOKEN", "CITELIGHT_SLACK_APP_TOKEN"),
        description="Slack by Socket Mode: the app-level token (xapp-).",
    )
    slack_client_id: str = Field(
        default="",
        validation_alias=AliasChoices("SLACK_CLIENT_ID", "CITELIGHT_SLACK_CLIENT_ID"),
        description="Slack, many workspaces: the client id of the app.",
    )
    slack_client_secret: SecretStr = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("SLACK_CLIENT_SECRET", "CITELIGHT_SLACK_CLIENT_SECRET"),
        description="Slack, many workspaces: the client secret of the app.",
    )
    slack_key: SecretStr = Field(
        default=SecretStr(""),
        description="Slack, many workspaces: seals stored tokens. Make one: citelight slack key",
    )
    slack_allow_external: bool = Field(
        default=False, description="Answer people of other organisations in shared Slack channels."
    )
    slack_admins: str = Field(
        default="", description="Slack user ids that may set channel rules. Empty: everybody."
    )
    slack_rules: Path | None = Field(
        default=None, description="TOML file of Slack channel rules, stronger than the App Home."
    )
    slack_days_kept: float = Field(
        default=90, gt=0, description="Days that Slack threads, with their answers, are kept."
    )
    slack_at_once: int = Field(
        default=8, ge=1, le=100, description="Slack questions answered at the same time."
    )
    slack_api_url: str = Field(
        default="https://slack.com/api/", description="Base URL of Slack's Web API."
    )

    @property
    def answering(self) -> str:
        """A hash of the settings that shape an answer: equal hash, equal settings."""
        shaping = (self.model, self.openai_base_url, self.context_window, self.max_answer_tokens)
        parts = [*shaping, self.embedder, self.embedder_base_url, self.passages, self.strict]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def environment_names(field: str) -> list[str]:
    """The environment variables that set a field, the documented one first."""
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [f"CITELIGHT_{field.upper()}"]
