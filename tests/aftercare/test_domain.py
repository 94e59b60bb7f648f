"""Rules of a transfer: papers, issuer, submission, steps, what the office refuses."""

import pytest

from marketplace.aftercare.domain import (
    Application,
    CaseKind,
    CaseState,
    CaseStateRefused,
    InvoiceMissing,
    IssuerKind,
    Paper,
    PaperKind,
    PapersNotChecked,
    PaperState,
    check_submission,
    compute_steps,
    decide_application,
    issuer_of,
    kind_of,
    required_papers,
)

BASE = frozenset({PaperKind.REGISTRATION_CERTIFICATE, PaperKind.DRIVING_LICENCE})


class TestPapers:
    def test_findings_add_theirs_once(self) -> None:
        found = required_papers(
            always=["registration_certificate"],
            by_finding={"a": ["insurance_policy", "inspection_mark"], "b": ["inspection_mark"]},
            findings={"a", "b", "unheard_of"},
            buys_for_stock=False,
        )
        assert found == [PaperKind.REGISTRATION_CERTIFICATE, PaperKind.INSURANCE_POLICY, PaperKind.INSPECTION_MARK]

    def test_stock_uses_no_quota(self) -> None:
        wanted = [
            required_papers(always=[], by_finding={"q": ["plate_quota"]}, findings={"q"}, buys_for_stock=stock) for stock in (False, True)
        ]
        assert wanted == [[PaperKind.PLATE_QUOTA], []]


@pytest.mark.parametrize(
    ("dealer", "auctioned", "issuer"),
    [
        (True, False, IssuerKind.DEALER),
        (False, False, IssuerKind.MARKET_OPERATOR),
        (True, True, IssuerKind.AUCTION_HOUSE),
        (False, True, IssuerKind.AUCTION_HOUSE),
    ],
)
def test_who_issues_the_invoice(dealer: bool, auctioned: bool, issuer: IssuerKind) -> None:
    assert issuer_of(seller_is_dealer=dealer, is_auctioned=auctioned) is issuer


@pytest.mark.parametrize(("buyer", "kind"), [(None, CaseKind.TRANSFER), ("天津", CaseKind.TRANSFER), ("北京", CaseKind.MOVE)])
def test_a_buyer_elsewhere_makes_it_a_move(buyer: str | None, kind: CaseKind) -> None:
    assert kind_of(car_city="天津", buyer_city=buyer) is kind


class TestSubmission:
    CHECKED = [Paper(PaperKind.DRIVING_LICENCE, PaperState.CHECKED)]

    @pytest.mark.parametrize("state", [PaperState.MISSING, PaperState.PROVIDED, PaperState.REJECTED])
    def test_every_paper_is_checked(self, state: PaperState) -> None:
        with pytest.raises(PapersNotChecked):
            check_submission(CaseState.COLLECTING, papers=[*self.CHECKED, Paper(PaperKind.PLATE_QUOTA, state)], has_invoice=True)

    def test_no_invoice_no_transfer(self) -> None:
        with pytest.raises(InvoiceMissing):
            check_submission(CaseState.COLLECTING, papers=self.CHECKED, has_invoice=False)

    @pytest.mark.parametrize("state", [CaseState.SUBMITTED, CaseState.COMPLETED, CaseState.CANCELLED])
    def test_only_while_open(self, state: CaseState) -> None:
        with pytest.raises(CaseStateRefused):
            check_submission(state, papers=self.CHECKED, has_invoice=True)

    def test_again_after_a_refusal(self) -> None:
        check_submission(CaseState.REFUSED, papers=self.CHECKED, has_invoice=True)


class TestSteps:
    def test_one_is_open_the_rest_come_later(self) -> None:
        papers = [Paper(PaperKind.DRIVING_LICENCE, PaperState.PROVIDED)]
        steps = [state.value for _name, state in compute_steps(CaseState.COLLECTING, papers=papers, has_invoice=False)]
        assert steps == ["done", "open", "later", "later", "later"]

    def test_all_are_done_in_the_end(self) -> None:
        papers = [Paper(PaperKind.DRIVING_LICENCE, PaperState.CHECKED)]
        steps = {state.value for _name, state in compute_steps(CaseState.COMPLETED, papers=papers, has_invoice=True)}
        assert steps == {"done"}


@pytest.mark.parametrize(
    ("papers", "wants_quota", "marks", "reasons"),
    [
        (BASE, False, set(), []),
        (BASE - {PaperKind.DRIVING_LICENCE}, False, set(), ["paper_missing:driving_licence"]),
        (BASE, True, set(), ["plate_quota_missing"]),
        (BASE | {PaperKind.PLATE_QUOTA}, True, set(), []),
        (BASE, False, {"lien"}, ["lien_registered"]),
        (BASE | {PaperKind.JOINT_APPLICATION}, False, {"lien"}, []),
        (BASE | {PaperKind.JOINT_APPLICATION}, False, {"lien", "seal"}, ["seal_registered"]),
    ],
)
def test_what_the_office_refuses(papers: frozenset[PaperKind], wants_quota: bool, marks: set[str], reasons: list[str]) -> None:
    assert decide_application(Application(papers, BASE, wants_quota, frozenset(marks))) == reasons
