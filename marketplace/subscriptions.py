"""Which task hears which event, and which sweep runs how often. The one place where features meet upwards."""

from collections.abc import Sequence

from auction import api as auction_api
from auction.arbitration import tasks as arbitration
from auction.closing import tasks as closing
from auction.lots import tasks as lots
from auction.negotiation import tasks as negotiation
from auction.papers import tasks as papers
from auction.portfolios import tasks as portfolios
from auction.proving import tasks as proving
from auction.reauction import tasks as reauction
from auction.reviewing import tasks as reviewing
from auction.screening import tasks as screening
from auction.settlement import tasks as settlement
from auction.watching import tasks as watching
from marketplace.accounts import api as accounts_api
from marketplace.accounts import tasks as accounts
from marketplace.accounts.api import PersonalData
from marketplace.aftercare import api as aftercare_api
from marketplace.aftercare import tasks as aftercare
from marketplace.core.outbox import Subscriber, Sweep
from marketplace.feeds import api as feeds_api
from marketplace.feeds import tasks as feeds
from marketplace.listings import api as listings_api
from marketplace.listings import tasks as listings
from marketplace.notifications import api as notifications_api
from marketplace.notifications import tasks as notifications
from marketplace.operations import api as operations_api
from marketplace.orders import api as orders_api
from marketplace.orders import tasks as orders
from marketplace.parallel_import import api as imports_api
from marketplace.parallel_import import tasks as imports
from marketplace.payments import api as payments_api
from marketplace.payments import tasks as payments
from marketplace.sourcing import api as sourcing_api
from marketplace.sourcing import tasks as sourcing
from marketplace.vehicles import api as vehicles_api
from marketplace.vehicles import tasks as vehicles
from search.documents import tasks as documents
from valuation.appraisal import api as appraisal_api
from valuation.appraisal import tasks as appraisal
from valuation.partners import api as partners_api
from valuation.pricing import tasks as pricing

SUBSCRIBERS: dict[str, Sequence[Subscriber]] = {
    "valuation.appraisal_issued": [appraisal.print_report],
    "payments.operation_requested": [payments.run_operation],
    "payments.bank_transfer_booked": [payments.hear_bank],
    "orders.handed_over": [aftercare.open_transfer, sourcing.close_custody],
    "aftercare.transfer_submitted": [aftercare.submit_to_office],
    "aftercare.office_answered": [aftercare.hear_office],
    "payments.payment_received": [sourcing.hear_payment, orders.hear_payment, reauction.hear_debt_payment, arbitration.hear_claim_payment],
    "payments.payment_failed": [orders.hear_payment],
    "payments.hold_captured": [orders.hear_hold],
    "payments.hold_held": [settlement.hear_hold, portfolios.hear_line_hold],
    "payments.hold_lapsed": [orders.hear_hold, settlement.hear_hold, portfolios.hear_line_hold],
    "payments.hold_failed": [orders.hear_hold, settlement.hear_hold, portfolios.hear_line_hold],
    "payments.hold_released": [orders.hear_hold, settlement.hear_hold, portfolios.hear_line_hold],
    "orders.order_paid": [portfolios.hear_line_order],
    "orders.order_defaulted": [settlement.hear_default, reauction.open_debt, portfolios.hear_line_order],
    "listings.claim_taken": [lots.hear_claim, feeds.follow_claim],
    "listings.claim_released": [feeds.follow_claim],
    "auction.lot_opened": [portfolios.run_portfolios],
    "auction.lot_moved": [portfolios.run_portfolios, watching.tell_outbid],
    "auction.lot_closed": [portfolios.run_portfolios, watching.tell_result],
    "auction.paper_requested": [papers.print_paper],
    "auction.negotiation_moved": [watching.tell_negotiation],
    "auction.debt_computed": [watching.tell_debt],
    "auction.line_activated": [portfolios.admit_line],
    "auction.lot_withdrawn": [settlement.hear_withdrawal, watching.tell_withdrawn],
    "accounts.party_suspended": [settlement.hear_party, imports.hear_suspension],
    "accounts.party_reinstated": [settlement.hear_party],
    "listings.listing_published": [
        documents.index_listing,
        pricing.follow_listing,
        imports.refresh_feed,
        feeds.follow_listing,
        vehicles.follow_listing,
    ],
    "listings.listing_changed": [
        documents.index_listing,
        pricing.follow_listing,
        imports.refresh_feed,
        feeds.follow_listing,
        vehicles.follow_listing,
    ],
    "listings.listing_withdrawn": [
        documents.index_listing,
        pricing.follow_listing,
        imports.refresh_feed,
        feeds.follow_listing,
        vehicles.follow_listing,
    ],
    "listings.listing_sold": [
        documents.index_listing,
        pricing.follow_listing,
        imports.refresh_feed,
        feeds.follow_listing,
        vehicles.follow_listing,
    ],
    "orders.order_cancelled": [sourcing.fail_purchase, portfolios.hear_line_order, aftercare.hear_cancelled],
    "orders.dispute_ended": [aftercare.hear_dispute_ended],
    "sourcing.batch_received": [sourcing.take_in_batch],
    "sourcing.import_received": [sourcing.run_import],
    "sourcing.import_applied": [sourcing.follow_import],
    "sourcing.listing_requested": [sourcing.list_requested],
    "orders.order_opened": [listings.follow_order],
    "orders.order_completed": [listings.follow_sale, sourcing.close_sold, imports.close_sold, sourcing.finish_purchase],
    "accounts.licence_decided": [imports.hear_licence],
    "parallel_import.pilot_stopped": [imports.stop_cars],
    "parallel_import.pilot_verified": [imports.resume_cars],
    "parallel_import.feed_pull_due": [imports.pull_feed],
    "parallel_import.feed_received": [imports.read_feed],
    "parallel_import.import_moved": [imports.refresh_feed],
    "parallel_import.dossier_changed": [imports.refresh_feed],
    "vehicles.photo_removed": [vehicles.delete_photo_files],
    "operations.case_decided": [vehicles.hear_case],
    "vehicles.facts_changed": [listings.review_vehicle, imports.refresh_feed, reviewing.review_vehicle],
    "vehicles.holding_moved": [listings.review_vehicle, sourcing.close_moved, reviewing.review_vehicle, sourcing.note_title],
}
for _kind in notifications_api.KINDS:
    SUBSCRIBERS[_kind] = [*SUBSCRIBERS.get(_kind, ()), notifications.tell]
SWEEPS: tuple[Sweep, ...] = (
    Sweep("old credentials", accounts.sweep_credentials, every_s=3_600),
    Sweep("identities past their term", accounts.sweep_identities, every_s=86_400),
    Sweep("webhook letters", notifications.send_letters, every_s=2),
    Sweep("webhook messages past their term", notifications.forget_messages, every_s=3_600),
    Sweep("notices past their term", notifications.forget_notices, every_s=86_400),
    Sweep("lapsed holds", payments.sweep_lapsed_holds, every_s=60),
    Sweep("waiting payouts", payments.sweep_waiting_payouts, every_s=30),
    Sweep("stuck gateway operations", payments.sweep_stuck_operations, every_s=600),
    Sweep("reconciliation", payments.sweep_reconciliation, every_s=3_600),
    Sweep("deposits near their lapse", settlement.keep_deposits, every_s=300),
    Sweep("closed sessions to screen", screening.screen_sessions, every_s=60),
    Sweep("due lots", closing.sweep_due_lots, every_s=1),
    Sweep("lots that end soon", watching.tell_ending, every_s=10),
    Sweep("unanswered negotiations", negotiation.end_overdue_negotiations, every_s=30),
    Sweep("claims without an answer", arbitration.hear_silent_sellers, every_s=60),
    Sweep("heads to sign", proving.sign_heads, every_s=5),
    Sweep("imports without an end", sourcing.give_up_imports, every_s=120),
    Sweep("pictures of stock files", sourcing.fetch_images, every_s=10),
    Sweep("visitors of former days", listings.forget_visitors, every_s=3_600),
    Sweep("price drops of consignments", sourcing.drop_prices, every_s=300),
    Sweep("consignments past their term", sourcing.expire_consignments, every_s=300),
    Sweep("acquisitions past their time", sourcing.end_acquisitions, every_s=60),
    Sweep("overdue orders", orders.sweep_overdue, every_s=30),
    Sweep("feeds to pull", imports.sweep_sources, every_s=5),
    Sweep("feeds without a reader", imports.sweep_runs, every_s=30),
    Sweep("parallel-import pilots", imports.sweep_pilots, every_s=3_600),
)
PERSONAL_DATA: tuple[PersonalData, ...] = (
    listings_api.PERSONAL_DATA,
    accounts_api.PERSONAL_DATA,
    orders_api.PERSONAL_DATA,
    aftercare_api.PERSONAL_DATA,
    notifications_api.PERSONAL_DATA,
    payments_api.PERSONAL_DATA,
    sourcing_api.PERSONAL_DATA,
    sourcing_api.PURCHASES_DATA,
    vehicles_api.PERSONAL_DATA,
    operations_api.PERSONAL_DATA,
    auction_api.PERSONAL_DATA,
    auction_api.ARBITRATION_DATA,
    imports_api.PERSONAL_DATA,
    feeds_api.PERSONAL_DATA,
    appraisal_api.PERSONAL_DATA,
    partners_api.PERSONAL_DATA,
)
"""How each feature exports and erases a person's data: its ``api.PERSONAL_DATA``."""
