"""The exchange's side: from `account,asset,amount` rows to published files and users' proofs."""

from merkle_por.callable_module import make_callable

make_callable(__name__, "merkle_por.build.api", "build")
