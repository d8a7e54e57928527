"""Event contracts: one versioned envelope, and what the payload of each event must be.

Domain facts are named `order.placed`; shopper behaviour uses GA4's e-commerce names (`view_item`, `add_to_cart`, ...)
with `items[]`. A payload names products, variants, people only by id: erasing a person is throwing a key away.
"""

from foundation.events.behaviour import (
    AddToCart,
    AddToWishlist,
    BeginCheckout,
    Behaviour,
    Item,
    Items,
    Purchase,
    RemoveFromCart,
    Search,
    SelectItem,
    ViewCart,
    ViewItem,
    ViewItemList,
    behaviour_contracts,
    may_be_recorded,
    recordable,
)
from foundation.events.carts import CartAbandoned, CartMerged
from foundation.events.catalog import ProductPublished
from foundation.events.customers import CustomerErased, CustomerRegistered
from foundation.events.documents import DocumentIssued
from foundation.events.envelope import CONTRACTS, Consent, Context, Count, Event, Payload, record
from foundation.events.inventory import StockAllocated, StockLevelChanged
from foundation.events.orders import (
    ClaimRaised,
    ClaimResolved,
    ExchangeCompleted,
    ExchangeRequested,
    LineUnits,
    OrderCancelled,
    OrderDelivered,
    OrderEdited,
    OrderFulfilled,
    OrderLine,
    OrderPlaced,
    ReturnedUnits,
    ReturnReceived,
    ReturnRequested,
)
from foundation.events.payments import (
    DisputeClosed,
    PaymentCaptured,
    PaymentCaptureFailed,
    PaymentDisputed,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRefused,
    PaymentsReconciled,
)
from foundation.events.pricing import OfferedPrice, PriceQuoted, PricesChanged
from foundation.events.promotions import CouponRedeemed, DiscountRedeemed, DiscountReleased
from foundation.events.stored_value import GiftCardDelivered, StoredValueMoved
from foundation.events.vendors import VendorPaidOut

__all__ = [
    "CONTRACTS",
    "AddToCart",
    "AddToWishlist",
    "BeginCheckout",
    "Behaviour",
    "CartAbandoned",
    "CartMerged",
    "ClaimRaised",
    "ClaimResolved",
    "Consent",
    "Context",
    "Count",
    "CouponRedeemed",
    "CustomerErased",
    "CustomerRegistered",
    "DiscountRedeemed",
    "DiscountReleased",
    "DisputeClosed",
    "DocumentIssued",
    "Event",
    "ExchangeCompleted",
    "ExchangeRequested",
    "GiftCardDelivered",
    "Item",
    "Items",
    "LineUnits",
    "OfferedPrice",
    "OrderCancelled",
    "OrderDelivered",
    "OrderEdited",
    "OrderFulfilled",
    "OrderLine",
    "OrderPlaced",
    "Payload",
    "PaymentCaptureFailed",
    "PaymentCaptured",
    "PaymentDisputed",
    "PaymentRefundFailed",
    "PaymentRefunded",
    "PaymentRefused",
    "PaymentsReconciled",
    "PriceQuoted",
    "PricesChanged",
    "ProductPublished",
    "Purchase",
    "RemoveFromCart",
    "ReturnReceived",
    "ReturnRequested",
    "ReturnedUnits",
    "Search",
    "SelectItem",
    "StockAllocated",
    "StockLevelChanged",
    "StoredValueMoved",
    "VendorPaidOut",
    "ViewCart",
    "ViewItem",
    "ViewItemList",
    "behaviour_contracts",
    "may_be_recorded",
    "record",
    "recordable",
]
