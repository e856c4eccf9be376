"""Campaigns, and the models that make their decisions."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from drum_like.errors import NotFoundError, SettingsError
from drum_like.http.contract import ContractContext
from drum_like.inference.service import Service

Pair = tuple[str, str | None]
"""A campaign and a sub-campaign; None for all that are not named."""


class Campaigns:
    """Finds the models of campaigns.

    Without a table a model serves the campaign that its name begins with:
    `customer_personality_lightgbm_v1` is for the sub-campaign `lightgbm` of `customer_personality`,
    and the highest version counts. A server with a single model has it for all campaigns.

    Args:
        context: Where models come from.
        table: Names of models; None without one.
    """

    def __init__(self, context: ContractContext, table: Mapping[Pair, str] | None) -> None:
        self._context = context
        self._table = table

    def model(self, campaign: str | None, sub_campaign: str | None) -> Service:
        """Return the model of a campaign, the default one without a campaign.

        Raises:
            NotFoundError: there is none.
            DrumLikeError: as ContractContext.resolve.
        """
        if campaign is None:
            return self._context.resolve()
        sub = campaign if sub_campaign is None else sub_campaign
        name = self._named(campaign, sub) if self._table is None else self._listed(campaign, sub)
        return self._context.resolve(name)

    def _listed(self, campaign: str, sub_campaign: str) -> str:
        table = self._table or {}
        name = table.get((campaign, sub_campaign)) or table.get((campaign, None))
        if name is None:
            raise _unknown(campaign, sub_campaign)
        return name

    def _named(self, campaign: str, sub_campaign: str) -> str | None:
        """Return the name of a model, None for the only one."""
        names = self._context.resolver.names()
        start = f"{campaign}_{sub_campaign}"
        versions = {
            int(found[1]): name
            for name in names
            if name.startswith(start) and (found := _VERSION.fullmatch(name, len(start)))
        }
        if versions:
            return versions[max(versions)]
        same = next((name for name in (start, campaign) if name in names), None)
        if same is None and len(names) > 1:
            raise _unknown(campaign, sub_campaign)
        return same


_VERSION = re.compile(r"_v(\d{1,9})")


def read(path: Path) -> dict[Pair, str]:
    """Return the table in a file: a JSON list of `{campaign, sub_campaign, model_id}`.

    Raises:
        SettingsError: the file is none.
    """
    try:
        entries = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise SettingsError(f"the campaigns in {path.name} are not JSON") from error
    if not isinstance(entries, list):
        raise SettingsError(f"the campaigns in {path.name} must be a list")
    return dict(_entry(entry, number, path) for number, entry in enumerate(entries, 1))


def _entry(entry: Any, number: int, path: Path) -> tuple[Pair, str]:
    known = {"campaign", "sub_campaign", "model_id"}
    values = entry if isinstance(entry, dict) else {}
    named = all(isinstance(values.get(key), str) for key in ("campaign", "model_id"))
    sub_campaign = values.get("sub_campaign")
    if not named or set(values) - known or not isinstance(sub_campaign, str | None):
        raise SettingsError(
            f"entry {number} of the campaigns in {path.name} must be an object with the texts "
            "`campaign`, `model_id` and, if only that is meant, `sub_campaign`"
        )
    return (values["campaign"], sub_campaign), values["model_id"]


def _unknown(campaign: str, sub_campaign: str) -> NotFoundError:
    return NotFoundError(
        f"no model is known for the campaign {campaign[:128]!r} and the sub-campaign "
        f"{sub_campaign[:128]!r}; list it in the file of --campaigns"
    )
