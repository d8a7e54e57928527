"""Evidence as Razorpay takes it: a document. What staff wrote becomes a letter of one, as a PDF."""

from __future__ import annotations

_LETTER = b"""
#set page(paper: "a4", margin: 25mm)
#set text(size: 11pt)
#set par(justify: false, leading: 0.7em)
*Dispute #sys.inputs.reference*

#for line in sys.inputs.evidence.split("\\n") [#line \\ ]
"""


def letter(reference: str, evidence: str) -> bytes:
    """The letter about a dispute, as a PDF. The evidence is data in it, never markup."""
    import typst  # noqa: PLC0415  (30 MB, needed where a dispute is contested)

    pdf: bytes = typst.compile(_LETTER, sys_inputs={"reference": reference, "evidence": evidence})
    return pdf
