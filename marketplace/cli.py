"""The command ``henanroad``: everything an operator does from a shell. Each command is a thin call into the product."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

if TYPE_CHECKING:
    from marketplace.core.db import Database

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Henan Road 河南路二手车")

ROOT = Path(__file__).parent.parent


@app.command()
def migrate() -> None:
    """Bring the database of the settings to the newest schema; several at once wait for one another."""
    from marketplace.core.settings import get_settings
    from marketplace.migrations import upgrade

    revision = upgrade(get_settings().database_url)
    typer.echo(f"schema {revision}", err=True)


@app.command()
def migration() -> None:
    """Write the initial migration anew from the models (only while nothing is released)."""
    from marketplace.migrations import write_initial

    typer.echo(write_initial())


@app.command()
def settings(path: Annotated[Path, typer.Option(help="Where to write.")] = ROOT / ".env.example") -> None:
    """Write .env.example: every setting with its meaning and default."""
    from marketplace.core.settings import env_example

    path.write_text(env_example(), encoding="utf-8")


@app.command()
def operator(
    phone: Annotated[str, typer.Option(prompt=True, help="Mobile number: the account is made when there is none.")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="Ten characters at least.")],
    credit_code: Annotated[str, typer.Option(prompt=True, help="统一社会信用代码 of the market operator, for the first one.")],
    address: Annotated[str, typer.Option(prompt=True, help="Its registered address.")],
) -> None:
    """Make a person an operator of the market; the first one founds the market operator itself."""
    from marketplace.accounts import api as accounts
    from marketplace.core.db import Database
    from marketplace.core.errors import Refusal
    from marketplace.core.settings import get_settings
    from marketplace.registry import load_models

    load_models()
    chosen = get_settings()
    kind = accounts.OrganizationKind.MARKET_OPERATOR
    market = accounts.OrganizationFacts(kind, chosen.market_name, credit_code, chosen.market_city, address, chosen.market_name_en)
    try:
        hashed = accounts.hash_new_password(password, own=phone)
        with Database.from_settings(chosen).writing() as session:
            person_id = accounts.find_by_phone(session, phone=phone) or accounts.found_person(session, phone=phone, password_hash=hashed)
            accounts.found_operator(session, person_id=person_id, market=market)
    except Refusal as refusal:
        typer.echo(f"{refusal.title('zh')} {refusal.title('en')}", err=True)
        raise typer.Exit(1) from refusal
    typer.echo(f"operator {person_id}: 登录后启用二次验证 sign in and enrol a second factor", err=True)


@app.command()
def openapi(path: Annotated[Path, typer.Option(help="Where to write.")] = ROOT / "docs" / "openapi.json") -> None:
    """Write the OpenAPI document of the whole market."""
    from marketplace.openapi import document_text

    path.write_text(document_text(), encoding="utf-8")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    demo: Annotated[bool, typer.Option(help="A demo market: invented people, cars and auctions.")] = False,
    cars: Annotated[int, typer.Option(help="Cars in a new demo market.")] = 300,
) -> None:
    """The whole market in one process: migrate, load, serve."""
    from marketplace.core.settings import get_settings
    from marketplace.migrations import upgrade
    from marketplace.serving import PortTaken, check_port
    from marketplace.serving import serve as run

    if demo:
        os.environ["HENANROAD_DEMO"] = "1"
    try:
        check_port(host, port)
    except PortTaken as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    chosen = get_settings()
    upgrade(chosen.database_url)
    run(chosen, host=host, port=port, cars=cars)


@app.command()
def demo(
    url: Annotated[str | None, typer.Option(help="A running demo market. Without it a fresh one is started.")] = None,
    servers: Annotated[bool, typer.Option(help="As in production, on the servers named by HENANROAD_TEST_*_URL.")] = False,
) -> None:
    """The whole chain as a story over the public API; fails when a step is not as promised."""
    from marketplace.demo.run import tell

    raise typer.Exit(tell(url, servers=servers))


outbox_app = typer.Typer(no_args_is_help=True, help="Dead letters of the outbox.")
app.add_typer(outbox_app, name="outbox")


@outbox_app.command("dead")
def outbox_dead(limit: Annotated[int, typer.Option(help="At most so many.")] = 100) -> None:
    """List deliveries that failed too often, one a line: id, subscriber, key, attempts, last error."""
    from marketplace.core import outbox

    with _database().reading() as session:
        for letter in outbox.dead_letters(session, limit=limit):
            typer.echo(f"{letter.id}  {letter.subscriber}  {letter.key}  {letter.attempts}  {letter.last_error}")


@outbox_app.command("retry")
def outbox_retry(ids: Annotated[list[UUID] | None, typer.Argument(help="Deliveries; all dead ones without.")] = None) -> None:
    """Open dead letters again: they are delivered at the relay's next round."""
    from marketplace.core import outbox

    with _database().writing() as session:
        count = outbox.retry_dead_letters(session, delivery_ids=ids or None)
    typer.echo(f"{count} reopened")


search_app = typer.Typer(no_args_is_help=True, help="The search index.")
app.add_typer(search_app, name="search")


@search_app.command("rebuild")
def search_rebuild() -> None:
    """All live listings into a new index, then switch to it; searches go on meanwhile."""
    from search.documents.service import rebuild

    report = rebuild(_database())
    typer.echo(f"{report.index}: {report.indexed} listings, {report.followed} changed meanwhile")


auction_app = typer.Typer(no_args_is_help=True, help="Auctions.")
app.add_typer(auction_app, name="auction")


@auction_app.callback()
def auction_commands() -> None:
    """Auctions 拍卖."""


@auction_app.command("verify")
def auction_verify(
    source: Annotated[str, typer.Argument(metavar="FILE|URL", help="A proof file, a lot's address, or - for standard input.")],
    key: Annotated[str | None, typer.Option(help="The market's public key, or a file of them: trust no other.")] = None,
    receipt: Annotated[list[Path] | None, typer.Option(help="A signed receipt, or several in a list.")] = None,
    opening: Annotated[list[Path] | None, typer.Option(help="What opens a closed maximum or reserve.")] = None,
) -> None:
    """Check a lot's result 验证拍卖结果: chain, signatures, order, price, winner, extensions. No server, no database."""
    from auction.verifying.command import verify

    raise typer.Exit(verify(source, key=key, receipts=receipt or [], openings=opening or []))


@app.command()
def reencrypt() -> None:
    """Rewrite every encrypted value that is not under the newest key, look-up hashes too. May be stopped and begun again."""
    from marketplace.core.crypto import reencrypt as rewrite

    for column, changed in rewrite(_database()).items():
        typer.echo(f"{column}  {changed}")


def _database() -> "Database":
    from marketplace.core.db import Database
    from marketplace.core.settings import get_settings
    from marketplace.registry import load_models

    load_models()
    return Database.from_settings(get_settings())


def main() -> None:
    """Entry of the installed command."""
    app()


if __name__ == "__main__":
    main()
