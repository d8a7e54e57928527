"""UPI, net banking and cards by Razorpay."""

from commerce.payments.providers.razorpay.provider import RazorpayProvider

__all__ = ["RazorpayProvider"]
