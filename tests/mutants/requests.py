"""Bugs of requests: done twice with one key, half done, or asking Postgres once for each row."""

from __future__ import annotations

from tests.mutants.bug import Bug

_CLAIMS = "tests/commerce/test_claims.py"
_KEYS = "tests/commerce/test_keys.py"
_RACES = "tests/races/test_every_interleaving.py"
_LISTS = "tests/commerce/test_list_routes.py"
_INPUT = "tests/commerce/test_bad_input.py"

BUGS = (
    Bug(
        "a key is taken over while its worker lives",
        (
            (
                "foundation/idempotency.py",
                "                        ELSE NOT {CLAIMANT_LIVES} END)\n",
                "                        ELSE true END)\n",
            ),
        ),
        f"{_RACES}::test_interleavings_of_what_goes_on_to_the_provider_leave_all_right[one key twice, a receipt]",
    ),
    Bug(
        "whether a worker lives is judged by the clock",
        (
            (
                "foundation/idempotency.py",
                "                        ELSE NOT {CLAIMANT_LIVES} END)\n",
                "                        ELSE k.claimed_at < CAST(:abandoned AS timestamptz) END)\n",
            ),
        ),
        _CLAIMS,
    ),
    Bug(
        "another body with the same key gets the first answer",
        (("foundation/idempotency.py", '    if used["fingerprint"] != fingerprint:\n', "    if not used:\n"),),
        _INPUT,
    ),
    Bug(
        "work is done again by whoever takes its key over",
        (("foundation/idempotency.py", "AND key = :key AND NOT applied\n", "AND key = :key\n"),),
        _KEYS,
    ),
    Bug(
        "a request that broke keeps its key",
        (("commerce/http.py", "    except Exception as fault:\n", "    except Problem as fault:\n"),),
        _CLAIMS,
    ),
    Bug(
        "an answer that could not be kept is forgotten",
        (("commerce/http.py", "        core.life.see_to(lambda: _in_one(core, scope, what))\n", ""),),
        _CLAIMS,
    ),
    Bug(
        "a worker that was thought dead answers for whoever took over",
        (
            (
                "foundation/idempotency.py",
                '_OURS = f"{_KEY} AND claim IS NOT DISTINCT FROM CAST(:claim AS bigint)"',
                '_OURS = f"{_KEY} AND CAST(:claim AS bigint) IS NOT NULL"',
            ),
        ),
        _CLAIMS,
    ),
    Bug(
        "a list asks once more for each row",
        (
            (
                "commerce/inventory/keeping.py",
                "    return LotList(items=[LotOut.model_validate(dict(row)) for row in rows])\n",
                '    asked = {"sku": sku, "mine": limits.mine}\n'
                "    again = [(await tx.rows(hot.LOTS, asked))[place] for place in range(len(rows))]\n"
                "    return LotList(items=[LotOut.model_validate(dict(row)) for row in again])\n",
            ),
        ),
        _LISTS,
    ),
)
