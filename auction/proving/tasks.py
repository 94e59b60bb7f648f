"""The heads of open lots are signed every so often, beside the bids."""

from auction.proving.service import heads
from marketplace.core.db import Database
from marketplace.core.outbox import sweep
from marketplace.core.settings import get_settings

BATCH = 200


@sweep("auction.sign_heads")
def sign_heads(database: Database) -> None:
    """Sign the heads of open lots that moved and were not signed for a while, in short transactions."""
    every_s = get_settings().auction_head_every_s
    with database.reading() as session:
        if not heads.is_due(session, every_s=every_s):
            return
    while True:
        with database.writing() as session:
            signed = heads.sign_due(session, every_s=every_s, limit=BATCH)
        if signed < BATCH:
            return
