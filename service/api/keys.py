"""GET /v1/keys: what the keys are used for."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from service.api.problems import ERRORS, to_json
from service.keys import Key, Keys


class KeyList(BaseModel):
    """The keys without their secrets, revoked ones too."""

    keys: list[Key]


def key_list(keys: Keys) -> APIRouter:
    """The routes of keys."""
    router = APIRouter(prefix="/v1", tags=["operations"])

    @router.get("/keys", responses=ERRORS | {200: {"model": KeyList}})
    def list_keys() -> Response:
        """The keys, and how much each was used. Where keys are needed, needs the role admin."""
        return to_json({"keys": keys.listing(with_revoked=True)})

    return router
