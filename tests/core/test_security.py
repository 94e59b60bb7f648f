"""Tokens, guards, cookies with CSRF, sockets with Origin, passwords under a bound, one-time codes."""

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Annotated
from uuid import UUID

import jwt
import pytest
from fastapi import Depends, FastAPI, Form, WebSocket
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from marketplace.core import problem
from marketplace.core.errors import Refusal
from marketplace.core.ids import new_id
from marketplace.core.security import (
    Gate,
    Grant,
    InvalidToken,
    Membership,
    PasswordQueueFull,
    Passwords,
    Principal,
    PrincipalKind,
    SignedIn,
    SocketGate,
    Tokens,
    Viewer,
    require,
    signed_in_with_second_factor,
    socket_auth,
    token_digest,
    totp_code,
    totp_step,
)
from marketplace.core.settings import Settings

SETTINGS = Settings.model_validate(
    {"secret_key": "s" * 32, "allowed_origins": ["https://app.example"], "public_url": "http://127.0.0.1:8000"}
)
DEALER = Membership(new_id(), "dealer", ("manager",))
HOUSE = Membership(new_id(), "auction_house", ("auctioneer",))
PERSON, SIGN_IN = new_id(), new_id()


def policy(kind: str | None, roles: Sequence[str], second_factor: bool) -> Grant:
    base = frozenset({"cars.sell"} if kind == "dealer" else {"cars.buy"})
    extra = frozenset({"payout.change"} if kind == "dealer" else set())
    return Grant(base | extra, frozenset()) if second_factor else Grant(base, extra)


def machines(presented: str, *, address: str) -> Principal:
    if presented != "hr_live_good":
        raise InvalidToken
    return Principal(id=PERSON, kind=PrincipalKind.MACHINE, party_id=PERSON, capabilities=frozenset({"prices.quote"}))


@pytest.fixture
def gate() -> Gate:
    return Gate(SETTINGS, policy=policy, machines=machines)


def token(gate: Gate, *memberships: Membership, second_factor: bool = False) -> str:
    return gate.tokens.issue(person_id=PERSON, sign_in_id=SIGN_IN, second_factor=second_factor, memberships=memberships)


def bearer(text: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}", **{name.replace("_", "-"): value for name, value in more.items()}}


class TestTokens:
    def test_says_who_and_for_whom(self, gate: Gate) -> None:
        claims = gate.tokens.read(token(gate, DEALER, second_factor=True))
        assert (claims.person_id, claims.sign_in_id, claims.second_factor, claims.memberships) == (PERSON, SIGN_IN, True, (DEALER,))

    def test_ends_also_when_remembered(self, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
        text = token(gate)
        gate.tokens.read(text)
        gate.person(text)
        later = time.time() + SETTINGS.access_token_minutes * 60 + 1
        monkeypatch.setattr(time, "time", lambda: later)
        for read in (gate.tokens.read, gate.person):
            with pytest.raises(InvalidToken):
                read(text)

    def test_forged_ones_are_refused(self, gate: Gate) -> None:
        good = token(gate)
        head, body, signature = good.split(".")
        claims = jwt.decode(good, options={"verify_signature": False})
        key = SETTINGS.derive_key("access-token")
        forged = [
            f"{head}.{body}.{signature[:-4]}AAAA",
            jwt.encode(claims, key="x" * 32, algorithm="HS256"),
            jwt.encode(claims, key="", algorithm="none"),
            jwt.encode({**claims, "iss": "other"}, key=key, algorithm="HS256"),
            jwt.encode({name: claims[name] for name in claims if name != "exp"}, key=key, algorithm="HS256"),
            jwt.encode({**claims, "sub": "nobody"}, key=key, algorithm="HS256"),
            "",
            "a.b.c",
            "名",
        ]
        for text in forged:
            with pytest.raises(InvalidToken):
                gate.tokens.read(text)

    def test_a_token_of_the_former_secret_is_read_until_it_ends(self) -> None:
        old = Tokens(SETTINGS)
        text = old.issue(person_id=PERSON, sign_in_id=SIGN_IN, second_factor=False, memberships=[])
        rotated = Settings.model_validate({"secret_key": "t" * 32, "secret_keys_previous": "s" * 32})
        assert Tokens(rotated).read(text).person_id == PERSON
        with pytest.raises(InvalidToken):
            Tokens(Settings.model_validate({"secret_key": "t" * 32})).read(text)

    def test_what_is_remembered_is_bounded(self) -> None:
        tokens = Tokens(SETTINGS, remember=10)
        for _ in range(30):
            tokens.read(tokens.issue(person_id=new_id(), sign_in_id=SIGN_IN, second_factor=False, memberships=[]))
        assert len(tokens._seen) <= 10


class TestWhomTheActBelongsTo:
    def test_the_only_organization_else_the_person_unless_named(self, gate: Gate) -> None:
        assert gate.person(token(gate)).party_id == PERSON
        assert gate.person(token(gate, DEALER)).party_id == DEALER.organization_id
        assert gate.person(token(gate, DEALER), "self").party_id == PERSON
        both = token(gate, DEALER, HOUSE)
        assert gate.person(both).party_id == PERSON
        acting = gate.person(both, str(HOUSE.organization_id).upper())
        assert (acting.party_id, acting.organization_kind) == (HOUSE.organization_id, "auction_house")

    def test_not_a_foreign_organization(self, gate: Gate) -> None:
        for named in (str(HOUSE.organization_id), "nonsense", ""):
            with pytest.raises(Refusal, match="not_your_organization"):
                gate.person(token(gate, DEALER), named)


@pytest.fixture
def client(gate: Gate) -> Iterator[TestClient]:
    app = FastAPI()
    app.state.gate = gate
    problem.install(app)

    @app.get("/open")
    def read_open(viewer: Viewer) -> str:
        return str(viewer.id) if viewer else "nobody"

    @app.get("/me")
    def read_me(principal: SignedIn) -> UUID:
        return principal.party_id

    @app.post("/cars")
    def sell(principal: Annotated[Principal, Depends(require("cars.sell"))], name: Annotated[str, Form()] = "") -> str:
        return name or "sold"

    @app.post("/payout")
    def change_payout(principal: Annotated[Principal, Depends(require("payout.change"))]) -> str:
        return "changed"

    @app.post("/quote")
    def quote(principal: Annotated[Principal, Depends(require("prices.quote"))]) -> str:
        return principal.kind

    @app.post("/operate")
    def operate(principal: Annotated[Principal, Depends(signed_in_with_second_factor())]) -> str:
        return "done"

    @app.websocket("/live")
    async def live(socket: WebSocket, door: Annotated[SocketGate, Depends(socket_auth())]) -> None:
        await socket.accept()
        try:
            principal = await door.authenticate(await socket.receive_text())
        except Refusal as refusal:
            await socket.close(4401, refusal.code)
            return
        await socket.send_text(str(principal.party_id))

    with TestClient(app) as found:
        yield found


class TestGuards:
    def test_nobody(self, client: TestClient) -> None:
        assert client.get("/open").json() == "nobody"
        answer = client.get("/me")
        assert (answer.status_code, answer.headers["www-authenticate"], answer.json()["code"]) == (401, "Bearer", "unauthenticated")

    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer nonsense", "bearer hr_live_bad", "Bearer hr_live_"])
    def test_a_bad_credential_is_401_on_open_routes_too(self, client: TestClient, header: str) -> None:
        for path in ("/open", "/me"):
            answer = client.get(path, headers={"Authorization": header})
            assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")

    def test_a_role_opens_only_its_doors(self, client: TestClient, gate: Gate) -> None:
        dealer, person = bearer(token(gate, DEALER)), bearer(token(gate))
        assert client.post("/cars", headers=dealer).status_code == 200
        refused = client.post("/cars", headers=person)
        assert (refused.status_code, refused.json()["code"], refused.json()["capability"]) == (403, "capability_missing", "cars.sell")
        assert client.post("/cars", headers=bearer(token(gate, DEALER), acting_for="self")).status_code == 403

    def test_the_second_factor_adds_capabilities(self, client: TestClient, gate: Gate) -> None:
        without, with_it = bearer(token(gate, DEALER)), bearer(token(gate, DEALER, second_factor=True))
        for path in ("/payout", "/operate"):
            assert client.post(path, headers=without).json()["code"] == "second_factor_required"
            assert client.post(path, headers=with_it).status_code == 200

    def test_a_machine_by_its_key(self, client: TestClient) -> None:
        assert client.post("/quote", headers=bearer("hr_live_good")).json() == "machine"
        assert client.post("/cars", headers=bearer("hr_live_good")).status_code == 403


class TestPageCookie:
    def test_reads_with_the_cookie_writes_only_with_the_pages_token(self, client: TestClient, gate: Gate) -> None:
        client.cookies.set("hr_access", token(gate, DEALER))
        csrf = gate.csrf_token(SIGN_IN)
        assert client.get("/me").status_code == 200
        assert client.post("/cars").json()["code"] == "csrf_token_missing"
        assert client.post("/cars", headers={"x-csrf-token": "0" * 64}).status_code == 403
        assert client.post("/cars", headers={b"x-csrf-token": "名".encode()}).status_code == 403
        assert client.post("/cars", headers={"x-csrf-token": gate.csrf_token(new_id())}).status_code == 403
        assert client.post("/cars", headers={"x-csrf-token": csrf}).status_code == 200
        assert client.post("/cars", data={"csrf_token": csrf, "name": "宝马"}).json() == "宝马"
        assert client.post("/cars", data={"csrf_token": "no", "name": "宝马"}).status_code == 403

    def test_a_bearer_needs_none(self, client: TestClient, gate: Gate) -> None:
        assert client.post("/cars", headers=bearer(token(gate, DEALER))).status_code == 200


class TestSocket:
    def test_the_first_message_signs_in(self, client: TestClient, gate: Gate) -> None:
        with client.websocket_connect("/live", headers={"origin": "https://app.example"}) as socket:
            socket.send_text(token(gate, DEALER))
            assert socket.receive_text() == str(DEALER.organization_id)

    def test_a_bad_token_closes(self, client: TestClient) -> None:
        with client.websocket_connect("/live") as socket:
            socket.send_text("nonsense")
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_text()
        assert (closed.value.code, closed.value.reason) == (4401, "invalid_token")

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8000.evil.example", "https://app.example:444"])
    def test_a_foreign_page_may_not_open_it(self, client: TestClient, origin: str) -> None:
        with pytest.raises((WebSocketDisconnect, Refusal)), client.websocket_connect("/live", headers={"origin": origin}):
            pass


class TestPasswords:
    CHEAP = Settings.model_validate({"argon2_memory_kib": 64, "argon2_time_cost": 1, "argon2_at_once": 1, "argon2_wait_s": 1})

    def test_only_the_right_one(self) -> None:
        passwords = Passwords(self.CHEAP)
        stored = passwords.hash("correct horse")
        assert stored.startswith("$argon2id$")
        assert passwords.verify(stored, "correct horse")
        assert not passwords.verify(stored, "correct horses")
        assert not passwords.verify(None, "nobody's password")
        assert not passwords.verify("not a hash", "x")

    def test_stronger_settings_ask_for_a_new_hash(self) -> None:
        stored = Passwords(self.CHEAP).hash("x")
        assert not Passwords(self.CHEAP).needs_rehash(stored)
        assert Passwords(self.CHEAP.model_copy(update={"argon2_time_cost": 2})).needs_rehash(stored)

    def test_at_most_so_many_at_once_then_503(self) -> None:
        passwords = Passwords(self.CHEAP)
        with passwords._place():
            started = time.monotonic()
            with pytest.raises(PasswordQueueFull) as refused:
                passwords.hash("x")
            assert time.monotonic() - started >= 1
        assert (refused.value.status, refused.value.retry_after_s) == (503, 2)
        done: list[str] = []
        threads = [threading.Thread(target=lambda: done.append(passwords.hash("x"))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(done) == 4


class TestOneTimeCodes:
    @pytest.mark.parametrize(
        ("at_s", "code"),
        [(59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"), (2_000_000_000, "279037")],
    )
    def test_vectors_of_rfc_6238(self, at_s: int, code: str) -> None:
        secret = b"12345678901234567890"
        assert totp_code(secret, at_s // 30) == code
        assert totp_step(secret, code, at_s=at_s) == at_s // 30

    def test_works_once_and_a_step_early_or_late(self) -> None:
        secret, at_s = b"s" * 20, 1_000_000
        step = at_s // 30
        for drift in (-1, 0, 1):
            assert totp_step(secret, totp_code(secret, step + drift), at_s=at_s) == step + drift
        assert totp_step(secret, totp_code(secret, step - 2), at_s=at_s) is None
        assert totp_step(secret, totp_code(secret, step), at_s=at_s, last_step=step) is None
        assert totp_step(secret, totp_code(secret, step + 1), at_s=at_s, last_step=step) == step + 1
        for nonsense in ("", "名字名字名字", "1" * 100):
            assert totp_step(secret, nonsense, at_s=at_s) is None


def test_a_random_tokens_digest_is_stable() -> None:
    assert token_digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
