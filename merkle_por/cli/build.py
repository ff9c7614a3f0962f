"""`merkle-por build LEDGER.csv --scheme ID -o DIR`: an exchange's tree and its users' proofs."""

from __future__ import annotations

import sys

import click

from merkle_por.cli.common import given_values, output_options, page, print_json, show
from merkle_por.cli.main import say_error
from merkle_por.cli.work import long_work

EXITS = "Exit status: 0 built, 1 invalid rows, 2 wrong options, 3 malformed rows.\n\n"


@click.command(
    "build",
    short_help="For an exchange: a tree from its books, and each user's proof.",
    epilog=(
        f"{EXITS}Example: merkle-por build books.csv --scheme bitmex-liabilities "
        "--given height=848470 -o audit-2024-06"
    ),
)
@click.argument("rows", metavar="LEDGER.csv")
@click.option("--scheme", required=True, metavar="ID", help="The format to build, see below.")
@click.option("-o", "--out", required=True, metavar="DIR", help="The folder to write.")
@click.option(
    "--given", multiple=True, metavar="NAME=VALUE", help="An option of the scheme, see below."
)
@click.option("--force", is_flag=True, help="Replace an earlier build in DIR, secrets and all.")
@click.option(
    "--test-seed", metavar="TEXT", help="FOR TESTS ONLY: no randomness, every secret is known."
)
@output_options
def command(
    rows: str,
    scheme: str,
    out: str,
    given: tuple[str, ...],
    force: bool,
    test_seed: str | None,
    as_json: bool,
    quiet: bool,
    no_color: bool,
) -> None:
    """A tree over an exchange's books (account,asset,amount rows, "-" is standard input).

    DIR gets published/ (for everybody) and private/ (mode 0700: each user's own file). Nothing
    stands there before all is complete.

    \b
    Schemes and their options (--given NAME=VALUE):
      bitmex-liabilities  height (needed), min_split, nonces (a file)
      okx-merkle-v1       audit_id
      okx-merkle-v2       parts
      silversixpence      audit_id (needed), dummies, leaf_mode
      tnf-ledger          scheme (concat, split)
    """
    from merkle_por.build.api import TEST_SEED, build
    from merkle_por.build.result import PROBLEM_EXITS, problem_document
    from merkle_por.errors import Invalid, Malformed

    values = given_values(given)
    if test_seed is not None:
        click.echo(f"warning: {TEST_SEED.text}", err=True)
    try:
        with long_work(quiet=quiet) as progress:
            result = build(
                rows,
                scheme,
                out,
                options=values,
                force=force,
                test_seed=test_seed,
                progress=progress,
            )
    except (Malformed, Invalid) as problem:
        if as_json:
            print_json(problem_document(problem, scheme))
        else:
            place = f", {problem.where}" if problem.where else ""
            text = f"{rows}: {problem.text}{place} ({problem.reason})"
            say_error(text, *problem.hints, "nothing was written")
        sys.exit(PROBLEM_EXITS["invalid" if isinstance(problem, Invalid) else "malformed"])
    if as_json:
        print_json(result.to_json())
    else:
        show(result.page(page(no_color)), quiet=quiet, no_color=no_color)
