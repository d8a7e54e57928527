"""The money of an order: capturing -> captured, or voiding -> voided, what comes later, and refunds.

Each step is one conditional UPDATE, so of two that contend one wins and the other finds nothing to do. The step before
a provider is called and the one after are transactions of their own; whoever makes the one after holds the order's row.
"""

from commerce.payments.settlement.balances import BALANCE, Balance, balance
from commerce.payments.settlement.captures import (
    Due,
    begin_capture,
    begin_void,
    capture_failed,
    captured,
    to_void,
    void_again,
    voided,
)
from commerce.payments.settlement.dues import MoreThanDue, NothingDue, begin_collect, replace_failed, spare
from commerce.payments.settlement.refunds import (
    DueRefund,
    RefundExceedsCaptured,
    refund_failed,
    refund_of,
    refunded,
    refunds_of,
    start_refunds,
)
from commerce.payments.settlement.unfinished import Pending, left, pending

__all__ = [
    "BALANCE",
    "Balance",
    "Due",
    "DueRefund",
    "MoreThanDue",
    "NothingDue",
    "Pending",
    "RefundExceedsCaptured",
    "balance",
    "begin_capture",
    "begin_collect",
    "begin_void",
    "capture_failed",
    "captured",
    "left",
    "pending",
    "refund_failed",
    "refund_of",
    "refunded",
    "refunds_of",
    "replace_failed",
    "spare",
    "start_refunds",
    "to_void",
    "void_again",
    "voided",
]
