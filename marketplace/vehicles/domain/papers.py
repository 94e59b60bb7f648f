"""Which paper ends or opens which restriction, once an operator has accepted it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from marketplace.vehicles.domain.vocabulary import DocumentKind, RestrictionKind, RestrictionState


@dataclass(frozen=True, slots=True)
class Effect:
    """``kinds``: the restrictions such a paper is about; ``state``: what they become."""

    kinds: frozenset[RestrictionKind]
    state: RestrictionState


def _effect(state: RestrictionState, *kinds: RestrictionKind) -> Effect:
    return Effect(frozenset(kinds), state)


_R, _S = RestrictionKind, RestrictionState
EFFECTS: Mapping[DocumentKind, Effect] = MappingProxyType(
    {
        DocumentKind.LIEN_RELEASE: _effect(_S.RELEASED, _R.LIEN),
        DocumentKind.THREE_PARTY_APPLICATION: _effect(_S.CONSENTED, _R.LIEN, _R.PLEDGE),
        DocumentKind.PLEDGE_RELEASE: _effect(_S.RELEASED, _R.PLEDGE),
        DocumentKind.SEAL_RELEASE: _effect(_S.RELEASED, _R.SEAL, _R.SEAL_WAITING),
        DocumentKind.CUSTOMS_APPROVAL: _effect(_S.CONSENTED, _R.CUSTOMS_SUPERVISION),
        DocumentKind.CUSTOMS_RELEASE: _effect(_S.RELEASED, _R.CUSTOMS_SUPERVISION),
        DocumentKind.POLICE_CLEARANCE: _effect(_S.RELEASED, _R.STOLEN, _R.ENGINE_NUMBER_MISMATCH, _R.VIN_MISMATCH),
        DocumentKind.RECALL_PROOF: _effect(_S.RELEASED, _R.RECALL),
    }
)
