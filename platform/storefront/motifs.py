"""The shapes products are drawn as, and which words of a product call for which.

A motif is SVG on a canvas of 400 x 400 that stands on y = 318. It may use these paints: `url(#body)` and `url(#accent)`
for the product's colours, `url(#shade)` over a body for the light from the left, `#deep` and `#ink` as `{deep}` and
`{ink}`. Each says where its label is.
"""

# ruff: noqa: E501
# A drawing broken over more lines is no easier to read.

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Label:
    """The rectangle the product's name is printed on."""

    x: int
    y: int
    width: int
    height: int
    rounded: int = 6


@dataclass(frozen=True, slots=True)
class Motif:
    """A shape: its drawing, and where its label goes (none: the name is on a tag below)."""

    svg: str
    label: Label | None = None


def _lit(shape: str) -> str:
    """A shape in the body's colour with the light on it."""
    return f"{shape.replace('FILL', 'url(#body)')}{shape.replace('FILL', 'url(#shade)')}"


def _accent(shape: str) -> str:
    return f"{shape.replace('FILL', 'url(#accent)')}{shape.replace('FILL', 'url(#shade)')}"


_TRAY = (
    '<rect x="78" y="196" width="244" height="122" rx="20" fill="#f3f4f1"/>'
    '<rect x="78" y="196" width="244" height="122" rx="20" fill="url(#shade)" opacity=".45"/>'
    '<rect x="92" y="208" width="216" height="98" rx="14" fill="#e4e6e1"/>'
)
_GLOSS = '<path d="M96 300 L180 206 L226 206 L132 304 Z" fill="#fff" opacity=".2"/>'

MOTIFS: dict[str, Motif] = {
    "can": Motif(
        _lit('<path d="M132 116 V296 C132 326 268 326 268 296 V116 Z" fill="FILL"/>')
        + '<ellipse cx="200" cy="116" rx="68" ry="20" fill="#dfe3e6"/><ellipse cx="200" cy="116" rx="57" ry="14" '
        'fill="#b9c0c5"/><ellipse cx="200" cy="118" rx="48" ry="10" fill="#cfd5d9"/>'
        '<path d="M132 292 C132 322 268 322 268 292 V300 C268 330 132 330 132 300 Z" fill="#b9c0c5"/>',
        Label(144, 176, 112, 76),
    ),
    "drink_can": Motif(
        _lit(
            '<path d="M150 104 Q144 114 144 126 V296 Q144 308 152 318 H248 Q256 308 256 296 V126 Q256 114 250 104 Z" fill="FILL"/>'
        )
        + '<ellipse cx="200" cy="104" rx="50" ry="11" fill="#dfe3e6"/><ellipse cx="200" cy="104" rx="42" ry="8" '
        'fill="#b4bcc2"/><rect x="188" y="99" width="24" height="7" rx="3.5" fill="#eef1f3"/>',
        Label(152, 174, 96, 82),
    ),
    "bottle": Motif(
        _lit(
            '<path d="M178 106 V142 C178 166 142 172 142 206 V296 Q142 318 164 318 H236 Q258 318 258 296 V206 C258 172 222 166 222 142 V106 Z" fill="FILL"/>'
        )
        + _accent('<rect x="172" y="82" width="56" height="32" rx="7" fill="FILL"/>')
        + '<path d="M156 214 Q156 186 178 172 L180 190 Q166 200 166 222 V280 Q156 278 156 262 Z" fill="#fff" opacity=".3"/>',
        Label(146, 212, 108, 72),
    ),
    "wine": Motif(
        _lit(
            '<path d="M182 66 V140 C182 168 152 172 152 206 V300 Q152 318 170 318 H230 Q248 318 248 300 V206 C248 172 218 168 218 140 V66 Z" fill="FILL"/>'
        )
        + _accent('<path d="M180 62 H220 V122 H180 Z" fill="FILL"/>')
        + '<path d="M162 212 Q162 190 182 170 L184 184 Q172 196 172 216 V292 H162 Z" fill="#fff" opacity=".22"/>',
        Label(156, 216, 88, 76, 3),
    ),
    "jar": Motif(
        _lit(
            '<path d="M142 138 Q124 148 124 172 V292 Q124 318 150 318 H250 Q276 318 276 292 V172 Q276 148 258 138 Z" fill="FILL"/>'
        )
        + _accent('<rect x="134" y="98" width="132" height="42" rx="9" fill="FILL"/>')
        + '<g stroke="#fff" stroke-opacity=".28" stroke-width="3"><path d="M152 102 V136 M170 102 V136 M188 102 V136 '
        'M206 102 V136 M224 102 V136 M242 102 V136"/></g>'
        '<path d="M136 176 Q136 160 148 152 V300 Q136 296 136 284 Z" fill="#fff" opacity=".3"/>',
        Label(134, 190, 132, 84),
    ),
    "box": Motif(
        _lit('<path d="M112 92 H262 V318 H112 Z" fill="FILL"/>')
        + '<path d="M262 92 L294 112 V304 L262 318 Z" fill="{deep}"/><path d="M112 92 L146 76 H292 L262 92 Z" fill="url(#accent)"/>'
        '<path d="M262 92 L292 76 L294 112 Z" fill="{deep}" opacity=".75"/>'
        '<path d="M112 254 Q188 210 262 252 V318 H112 Z" fill="url(#accent)" opacity=".85"/>',
        Label(124, 134, 126, 84),
    ),
    "carton": Motif(
        _lit('<path d="M126 156 H252 V318 H126 Z" fill="FILL"/>')
        + '<path d="M252 156 L284 168 V306 L252 318 Z" fill="{deep}"/>'
        + _accent('<path d="M126 156 L146 104 H262 L252 156 Z" fill="FILL"/>')
        + '<path d="M252 156 L262 104 L284 168 Z" fill="{deep}" opacity=".8"/><rect x="144" y="84" width="120" height="22" rx="3" '
        'fill="#f2f4f5"/><path d="M126 278 Q158 258 190 278 T252 278 V318 H126 Z" fill="#fff" opacity=".35"/>'
        '<circle cx="196" cy="132" r="13" fill="#f7f8f8"/><circle cx="196" cy="130" r="9" fill="#e2e6e8"/>',
        Label(136, 182, 106, 78),
    ),
    "bag": Motif(
        _lit(
            '<path d="M122 108 L130 94 L140 104 L152 92 L164 104 L178 92 L192 104 L206 92 L220 104 L234 92 L248 104 L262 92 L278 108 Q264 214 286 318 Q200 328 114 318 Q136 214 122 108 Z" fill="FILL"/>'
        )
        + '<path d="M122 116 Q200 124 278 116 L277 128 Q200 136 123 128 Z" fill="#fff" opacity=".3"/>'
        '<path d="M146 146 Q134 226 140 304" stroke="#fff" stroke-opacity=".4" stroke-width="9" fill="none" '
        'stroke-linecap="round"/><circle cx="200" cy="282" r="24" fill="url(#accent)"/><circle cx="228" cy="290" r="15" '
        'fill="url(#accent)" opacity=".8"/>',
        Label(140, 160, 120, 82),
    ),
    "tub": Motif(
        _lit('<path d="M116 168 L134 306 Q136 318 150 318 H250 Q264 318 266 306 L284 168 Z" fill="FILL"/>')
        + _accent('<rect x="106" y="142" width="188" height="32" rx="12" fill="FILL"/>')
        + '<ellipse cx="200" cy="143" rx="92" ry="13" fill="#fff" opacity=".42"/>',
        Label(140, 198, 120, 80),
    ),
    "frozen": Motif(
        _lit('<rect x="86" y="150" width="228" height="168" rx="10" fill="FILL"/>')
        + '<path d="M86 150 L104 132 H332 L314 150 Z" fill="url(#accent)"/><path d="M314 150 L332 132 V300 L314 318 Z" '
        'fill="{deep}"/><g stroke="#fff" stroke-width="4" stroke-linecap="round" opacity=".85"><path d="M282 172 v34 M267 181 '
        'l30 16 M297 181 l-30 16"/></g><ellipse cx="236" cy="272" rx="64" ry="28" fill="#fff" opacity=".9"/><ellipse '
        'cx="236" cy="270" rx="48" ry="18" fill="url(#accent)"/><path d="M86 150 h228 v12 h-228 Z" fill="#fff" '
        'opacity=".25"/>',
        Label(98, 176, 144, 62),
    ),
    "fruit": Motif(
        _lit(
            '<path d="M200 142 C252 110 306 150 298 216 C290 282 252 326 200 312 C148 326 110 282 102 216 C94 150 148 110 200 142 Z" fill="FILL"/>'
        )
        + '<path d="M200 146 Q198 112 214 90" stroke="#76512f" stroke-width="9" fill="none" stroke-linecap="round"/>'
        '<path d="M212 112 Q246 76 286 96 Q262 136 212 112 Z" fill="#6aa84f"/><path d="M212 112 Q248 100 286 96" '
        'stroke="#4c7f37" stroke-width="3" fill="none"/><path d="M128 200 Q132 162 164 154 Q144 180 142 214 Q130 218 128 200 Z" '
        'fill="#fff" opacity=".5"/>'
    ),
    "banana": Motif(
        '<path d="M96 122 Q92 268 226 300 Q296 314 318 262 Q250 272 198 232 Q150 194 130 116 Z" fill="#f5c93b"/>'
        '<path d="M112 120 Q118 240 226 282 Q282 300 318 262 Q292 318 222 304 Q92 276 96 122 Z" fill="#d9a520" opacity=".65"/>'
        '<path d="M92 126 L98 92 L124 90 L132 118 Z" fill="#8a6b26"/><path d="M318 262 l14 -6 l-2 16 l-18 6 Z" fill="#6b5120"/>'
        '<path d="M150 172 Q178 232 244 256" stroke="#fff" stroke-width="9" stroke-opacity=".5" fill="none" stroke-linecap="round"/>'
    ),
    "berries": Motif(
        _TRAY
        + "".join(
            f'<circle cx="{x}" cy="{y}" r="27" fill="url(#body)"/><circle cx="{x - 8}" cy="{y - 9}" r="7" fill="#fff" opacity=".55"/>'
            f'<path d="M{x - 9} {y - 24} L{x} {y - 32} L{x + 9} {y - 24} L{x} {y - 17} Z" fill="#5f9a46"/>'
            for x, y in (
                (116, 216),
                (164, 202),
                (214, 208),
                (264, 202),
                (292, 222),
                (138, 250),
                (190, 248),
                (242, 250),
                (282, 264),
                (112, 274),
                (164, 280),
                (220, 284),
            )
        )
        + _GLOSS
    ),
    "carrot": Motif(
        "".join(
            f'<g transform="rotate({turn} 200 130)"><path d="M178 142 Q200 128 222 142 Q220 240 200 322 Q180 240 178 142 Z" fill="url(#body)"/>'
            '<path d="M178 142 Q200 128 222 142 Q220 240 200 322 Q180 240 178 142 Z" fill="url(#shade)"/>'
            '<path d="M183 178 h18 M196 212 h16 M188 246 h14" stroke="{deep}" stroke-opacity=".6" stroke-width="4" stroke-linecap="round"/>'
            '<path d="M200 140 Q172 104 180 72 Q198 96 200 140 Q206 92 228 74 Q230 108 200 140 Z" fill="#62a04a"/></g>'
            for turn in (-24, 24, 0)
        )
    ),
    "leaf": Motif(
        '<path d="M200 318 C112 322 82 238 112 168 C136 118 172 96 200 96 C228 96 264 118 288 168 C318 238 288 322 200 318 Z" fill="url(#leaf)"/>'
        '<path d="M200 318 C158 272 146 180 200 96 C254 180 242 272 200 318 Z" fill="#a9d67f"/>'
        '<path d="M200 314 V112 M200 262 Q168 244 152 206 M200 262 Q232 244 248 206 M200 212 Q176 196 168 166 M200 212 Q224 '
        '196 232 166" stroke="#e9f6d8" stroke-width="6" fill="none" stroke-linecap="round" opacity=".85"/>'
        '<path d="M112 168 Q88 204 104 258 Q124 300 160 312 Q112 250 126 160 Z" fill="#3f7d32" opacity=".4"/>'
    ),
    "root": Motif(
        "".join(
            _lit(f'<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}" fill="FILL" transform="rotate({turn} {x} {y})"/>')
            + f'<g fill="{{deep}}" opacity=".55"><circle cx="{x - 20}" cy="{y - 8}" r="3"/><circle cx="{x + 14}" cy="{y + 12}" r="3.5"/><circle cx="{x + 24}" cy="{y - 14}" r="2.5"/></g>'
            for x, y, rx, ry, turn in ((200, 192, 70, 50, 12), (142, 262, 66, 50, -14), (258, 264, 68, 50, 8))
        )
    ),
    "meat": Motif(
        _TRAY
        + '<path d="M106 260 Q102 216 156 214 Q196 200 244 212 Q296 218 294 260 Q286 300 228 294 Q180 302 146 294 Q110 296 106 260 Z" '
        'fill="#f3d3c6"/><path d="M118 258 Q118 226 160 224 Q198 212 240 222 Q284 230 282 258 Q272 288 226 284 Q180 290 148 284 '
        'Q122 284 118 258 Z" fill="url(#body)"/><g stroke="#f7ddd3" stroke-width="6" fill="none" stroke-linecap="round" opacity=".9">'
        '<path d="M140 252 Q160 236 182 250 M206 240 Q226 232 240 246 M186 272 Q212 262 236 272"/></g><circle cx="254" '
        'cy="258" r="12" fill="#fbeee7"/>' + _GLOSS
    ),
    "poultry": Motif(
        _lit(
            '<path d="M118 248 Q114 168 188 152 Q258 144 286 206 Q302 264 254 298 Q206 322 152 302 Q120 286 118 248 Z" fill="FILL"/>'
        )
        + '<path d="M244 210 Q288 190 306 226 Q312 256 284 268 Q250 282 234 258 Z" fill="{deep}" opacity=".55"/>'
        '<path d="M292 244 L326 272" stroke="#fff8ee" stroke-width="15" stroke-linecap="round"/><circle cx="330" cy="266" r="10" '
        'fill="#fff8ee"/><circle cx="322" cy="280" r="10" fill="#fff8ee"/><path d="M148 218 Q160 180 204 176" stroke="#fff" '
        'stroke-opacity=".6" stroke-width="11" fill="none" stroke-linecap="round"/><path d="M76 304 Q200 340 324 304 Q300 330 200 330 Q100 330 76 304 Z" fill="#e4e7ea"/>'
    ),
    "sausage": Motif(
        _TRAY
        + "".join(
            _lit(f'<rect x="104" y="{y}" width="192" height="25" rx="12.5" fill="FILL"/>')
            + f'<path d="M122 {y + 8} H262" stroke="#fff" stroke-opacity=".45" stroke-width="4" stroke-linecap="round"/>'
            for y in (212, 243, 274)
        )
        + _GLOSS
    ),
    "fish": Motif(
        _lit(
            '<path d="M70 228 Q138 152 236 190 Q262 202 284 222 L334 176 Q324 228 334 282 L284 238 Q262 260 236 270 Q138 306 70 228 Z" fill="FILL"/>'
        )
        + '<path d="M152 178 Q186 136 226 184 Z" fill="{deep}"/><path d="M164 276 Q192 306 210 276 Z" fill="{deep}"/>'
        '<path d="M132 196 Q154 228 132 262" stroke="#fff" stroke-opacity=".7" stroke-width="5" fill="none"/>'
        '<g stroke="#fff" stroke-opacity=".38" stroke-width="4" fill="none"><path d="M166 206 q14 14 0 28 M190 202 q14 14 0 28 '
        'M214 206 q14 14 0 28 M178 230 q14 14 0 28 M204 232 q14 14 0 28"/></g><circle cx="108" cy="218" r="9" fill="#fff"/>'
        '<circle cx="107" cy="218" r="5" fill="#26303a"/><path d="M88 312 Q200 326 312 312" stroke="#dfe5ea" stroke-width="8" fill="none" stroke-linecap="round"/>'
    ),
    "bread": Motif(
        '<path d="M88 206 Q78 142 152 140 H262 Q332 142 318 206 Q310 220 306 224 V302 Q306 318 290 318 H112 Q98 318 98 302 V224 Q92 218 88 206 Z" fill="#b9763a"/>'
        '<path d="M88 206 Q78 142 152 140 H262 Q332 142 318 206 Q310 220 306 224 V302 Q306 318 290 318 H112 Q98 318 98 302 V224 Q92 218 88 206 Z" fill="url(#shade)"/>'
        '<path d="M102 206 Q96 156 148 156 H196 Q246 158 238 206 Q234 216 230 220 V294 Q230 304 220 304 H122 Q112 304 112 294 V220 Q104 216 102 206 Z" fill="#f6e2bd"/>'
        '<g fill="#e3c48f"><circle cx="136" cy="196" r="5"/><circle cx="188" cy="188" r="4"/><circle cx="206" cy="216" r="4"/><circle cx="128" cy="284" r="4"/><circle cx="206" cy="282" r="5"/></g>'
        '<path d="M262 162 q18 12 10 32 M288 168 q14 14 6 30" stroke="#8f5722" stroke-width="5" fill="none" stroke-linecap="round"/>',
        Label(124, 222, 94, 52),
    ),
    "cake": Motif(
        _lit('<path d="M100 214 V300 Q200 338 300 300 V214 Z" fill="FILL"/>')
        + '<ellipse cx="200" cy="214" rx="100" ry="32" fill="#fff6ee"/><path d="M100 214 Q100 246 114 246 Q126 246 128 228 Q134 262 150 262 '
        "Q166 262 166 240 Q176 272 194 270 Q212 268 212 242 Q222 268 238 262 Q252 256 250 236 Q262 256 276 250 Q300 240 300 214 "
        'Q288 240 200 246 Q112 240 100 214 Z" fill="#fff6ee"/><g fill="url(#accent)"><circle cx="150" cy="206" r="12"/><circle '
        'cx="200" cy="198" r="13"/><circle cx="250" cy="206" r="12"/><circle cx="174" cy="220" r="11"/><circle cx="226" cy="220" '
        'r="11"/></g><path d="M84 306 Q200 348 316 306" stroke="#d5dadf" stroke-width="9" fill="none" stroke-linecap="round"/>'
    ),
    "donut": Motif(
        '<circle cx="200" cy="214" r="104" fill="#d79a55"/><circle cx="200" cy="214" r="104" fill="url(#shade)"/>'
        '<path d="M200 118 C262 118 298 166 294 214 C292 244 272 236 264 258 C256 282 236 274 220 292 C204 308 184 292 168 296 C142 '
        '298 138 268 122 256 C104 240 100 158 140 136 C158 124 180 118 200 118 Z" fill="url(#body)"/><circle cx="200" cy="212" r="34" '
        'fill="#b97a38"/><circle cx="200" cy="217" r="31" fill="#fff"/><g stroke-width="7" stroke-linecap="round"><path d="M150 170 l10 8" '
        'stroke="#fff"/><path d="M222 148 l12 2" stroke="#ffe27a"/><path d="M258 190 l4 12" stroke="#fff"/><path d="M136 218 l2 12" '
        'stroke="#ffe27a"/><path d="M180 264 l12 -4" stroke="#fff"/><path d="M238 246 l8 -8" stroke="#9fe0d0"/><path d="M182 144 l-10 6" stroke="#9fe0d0"/></g>'
    ),
    "cheese": Motif(
        '<path d="M76 252 L240 144 Q318 158 326 236 L326 252 Z" fill="#ffe08a"/><path d="M76 252 H326 V312 Q326 318 318 318 H84 Q76 318 76 312 Z" fill="#f4b93c"/>'
        '<path d="M76 252 H326 V312 Q326 318 318 318 H84 Q76 318 76 312 Z" fill="url(#shade)"/><g fill="#d9952a"><ellipse cx="136" cy="288" rx="20" ry="14"/>'
        '<ellipse cx="214" cy="276" rx="13" ry="9"/><ellipse cx="276" cy="296" rx="22" ry="14"/></g><g fill="#f2c45a"><ellipse cx="226" cy="198" rx="20" ry="11"/><ellipse cx="282" cy="222" rx="15" ry="9"/><ellipse cx="176" cy="228" rx="14" ry="8"/></g>'
        '<path d="M84 258 H318" stroke="#fff" stroke-opacity=".5" stroke-width="4"/>'
    ),
    "eggs": Motif(
        "".join(
            f'<ellipse cx="{x}" cy="{y}" rx="31" ry="40" fill="#f3dcc0"/><ellipse cx="{x}" cy="{y}" rx="31" ry="40" fill="url(#shade)"/><ellipse cx="{x - 10}" cy="{y - 14}" rx="8" ry="12" fill="#fff" opacity=".6"/>'
            for x, y in ((128, 196), (200, 190), (272, 196), (94, 224), (164, 224), (236, 224), (306, 224))
        )
        + _lit(
            '<path d="M54 234 Q72 252 94 234 Q112 252 130 234 Q148 252 164 234 Q182 252 200 234 Q218 252 236 234 Q254 252 272 234 Q290 252 306 234 Q326 252 346 234 L330 306 Q328 318 314 318 H86 Q72 318 70 306 Z" fill="FILL"/>'
        ),
        Label(126, 258, 148, 44),
    ),
    "flowers": Motif(
        '<g stroke="#4f8a3f" stroke-width="7" fill="none" stroke-linecap="round"><path d="M200 306 Q196 230 200 160 M192 306 Q160 236 136 186 M208 306 Q240 236 264 186"/></g>'
        '<path d="M186 246 Q140 240 130 214 Q170 210 186 246 Z M214 246 Q260 240 270 214 Q230 210 214 246 Z" fill="#6aa84f"/>'
        + "".join(
            "".join(
                f'<ellipse cx="{x}" cy="{y - 25}" rx="17" ry="26" fill="url(#{paint})" transform="rotate({turn} {x} {y})"/>'
                for turn in range(0, 360, 60)
            )
            + f'<circle cx="{x}" cy="{y}" r="14" fill="#ffd766"/><circle cx="{x - 4}" cy="{y - 4}" r="5" fill="#fff" opacity=".6"/>'
            for x, y, paint in ((136, 170, "body"), (264, 170, "body"), (200, 130, "accent"))
        )
        + '<path d="M138 262 L200 274 L262 262 L234 318 H166 Z" fill="#f1e7d8"/><path d="M200 274 L262 262 L234 318 H200 Z" fill="#ded0bb"/>'
    ),
    "pills": Motif(
        _lit(
            '<path d="M136 150 H264 Q276 150 276 164 V300 Q276 318 258 318 H142 Q124 318 124 300 V164 Q124 150 136 150 Z" fill="FILL"/>'
        )
        + '<rect x="138" y="98" width="124" height="52" rx="9" fill="#e3e9ed"/><g stroke="#c3ccd3" stroke-width="4"><path d="M152 104 V146 M168 104 V146 '
        'M184 104 V146 M200 104 V146 M216 104 V146 M232 104 V146 M248 104 V146"/></g><g transform="rotate(-28 306 300)"><rect x="282" y="288" width="52" '
        'height="24" rx="12" fill="#fff"/><path d="M308 288 h14 a12 12 0 0 1 0 24 h-14 Z" fill="url(#accent)"/><rect x="282" y="288" width="52" height="24" rx="12" fill="url(#shade)" opacity=".6"/></g>',
        Label(124, 188, 152, 84, 0),
    ),
    "toiletry": Motif(
        _lit(
            '<path d="M146 174 Q146 146 174 146 H226 Q254 146 254 174 V300 Q254 318 236 318 H164 Q146 318 146 300 Z" fill="FILL"/>'
        )
        + '<rect x="178" y="124" width="44" height="24" rx="4" fill="#dfe5ea"/><path d="M190 124 V96 H208 V124 Z" fill="#cbd3da"/>'
        '<path d="M160 80 Q160 70 172 70 H216 Q224 70 224 82 V98 H190 Q176 98 160 92 Z" fill="#dfe5ea"/><path d="M160 80 V92 L150 94 V84 Z" fill="#cfd6db"/>'
        '<path d="M158 178 Q158 162 170 160 V304 Q158 302 158 292 Z" fill="#fff" opacity=".35"/>',
        Label(150, 198, 100, 78, 10),
    ),
    "tube": Motif(
        _lit('<path d="M122 96 H278 L250 276 H150 Z" fill="FILL"/>')
        + '<path d="M118 84 H282 V100 H118 Z" fill="{deep}"/>'
        + _accent('<path d="M158 276 H242 V308 Q242 318 232 318 H168 Q158 318 158 308 Z" fill="FILL"/>')
        + '<path d="M150 112 L166 264" stroke="#fff" stroke-opacity=".4" stroke-width="10" stroke-linecap="round"/>',
        Label(146, 138, 108, 84),
    ),
    "lipstick": Motif(
        '<path d="M172 186 V122 L214 92 Q228 98 228 118 V186 Z" fill="url(#body)"/><path d="M172 186 V122 L214 92 Q228 98 228 118 V186 Z" fill="url(#shade)"/>'
        '<path d="M164 184 H236 V232 H164 Z" fill="#e5c47b"/><path d="M164 184 H236 V232 H164 Z" fill="url(#shade)"/><path d="M152 230 H248 V306 Q248 318 236 318 H164 Q152 318 152 306 Z" fill="#2e2b33"/>'
        '<path d="M152 230 H248 V306 Q248 318 236 318 H164 Q152 318 152 306 Z" fill="url(#shade)"/><path d="M164 240 V306" stroke="#fff" stroke-opacity=".3" stroke-width="7" stroke-linecap="round"/>'
    ),
    "paper": Motif(
        "".join(
            f'<path d="M{x} 176 V300 Q{x} 318 {x + 55} 318 Q{x + 110} 318 {x + 110} 300 V176 Z" fill="#f8f9fa"/><path d="M{x} 176 V300 Q{x} 318 {x + 55} 318 Q{x + 110} 318 {x + 110} 300 V176 Z" fill="url(#shade)" opacity=".6"/>'
            f'<ellipse cx="{x + 55}" cy="176" rx="55" ry="24" fill="#fff"/><ellipse cx="{x + 55}" cy="176" rx="36" ry="15" fill="none" stroke="#e3e7ea" stroke-width="3"/><ellipse cx="{x + 55}" cy="176" rx="19" ry="8" fill="#c8a982"/>'
            for x in (84, 206)
        )
        + '<path d="M84 226 Q139 240 194 226 V286 Q139 300 84 286 Z M206 226 Q261 240 316 226 V286 Q261 300 206 286 Z" fill="url(#body)" opacity=".9"/>',
        Label(116, 236, 168, 46),
    ),
    "magazine": Motif(
        '<path d="M126 78 H282 Q290 78 290 86 V310 Q290 318 282 318 H126 Z" fill="#e8ebee"/><path d="M120 74 H276 Q284 74 284 82 V306 Q284 314 276 314 H120 Z" fill="url(#body)"/>'
        '<path d="M120 74 H132 V314 H120 Z" fill="#000" opacity=".14"/><circle cx="214" cy="236" r="50" fill="url(#accent)"/><path d="M150 314 Q164 262 214 258 Q262 262 276 314 Z" fill="{deep}"/>'
        '<circle cx="214" cy="226" r="28" fill="#fff" opacity=".85"/><g fill="#fff" opacity=".85"><rect x="144" y="160" width="46" height="7" rx="3"/><rect x="144" y="174" width="34" height="7" rx="3"/></g>',
        Label(140, 92, 134, 54, 2),
    ),
    "card": Motif(
        '<g transform="rotate(-7 200 200)"><rect x="104" y="136" width="196" height="142" rx="6" fill="#e9ecef"/><path d="M104 136 L202 218 L300 136" stroke="#cfd5da" stroke-width="4" fill="none"/></g>'
        '<g transform="rotate(6 200 220)"><rect x="134" y="100" width="142" height="196" rx="6" fill="url(#body)"/><rect x="134" y="100" width="142" height="196" rx="6" fill="url(#shade)" opacity=".5"/>'
        '<path d="M205 180 C190 152 152 164 158 192 C162 212 190 226 205 242 C220 226 248 212 252 192 C258 164 220 152 205 180 Z" fill="#fff" opacity=".92"/></g>'
    ),
    "gift": Motif(
        _lit('<rect x="102" y="186" width="196" height="132" rx="6" fill="FILL"/>')
        + _lit('<rect x="90" y="148" width="220" height="46" rx="7" fill="FILL"/>')
        + '<rect x="182" y="148" width="36" height="170" fill="url(#accent)"/><path d="M200 148 C160 150 122 126 142 100 C162 80 192 112 200 148 C208 112 238 80 258 100 C278 126 240 150 200 148 Z" fill="url(#accent)"/>'
        '<path d="M200 148 C176 144 148 128 156 112 C168 102 190 124 200 148 C210 124 232 102 244 112 C252 128 224 144 200 148 Z" fill="{deep}" opacity=".55"/>'
    ),
    "bulb": Motif(
        '<path d="M200 84 C258 84 284 126 278 168 C272 206 238 220 236 258 H164 C162 220 128 206 122 168 C116 126 142 84 200 84 Z" fill="#fff3c4"/>'
        '<path d="M200 84 C258 84 284 126 278 168 C272 206 238 220 236 258 H164 C162 220 128 206 122 168 C116 126 142 84 200 84 Z" fill="url(#shade)" opacity=".6"/>'
        '<path d="M182 256 V196 L168 176 M218 256 V196 L232 176 M168 176 Q184 192 200 176 Q216 192 232 176" stroke="#e0a53a" stroke-width="5" fill="none" stroke-linecap="round"/>'
        '<g fill="#b6bec5"><rect x="164" y="258" width="72" height="15" rx="6"/><rect x="166" y="277" width="68" height="15" rx="6"/><path d="M172 296 H228 Q222 318 200 318 Q178 318 172 296 Z"/></g><path d="M146 136 Q156 110 184 104" stroke="#fff" stroke-width="10" fill="none" stroke-linecap="round"/>'
    ),
    "pot": Motif(
        _accent('<rect x="104" y="160" width="192" height="26" rx="12" fill="FILL"/>')
        + _lit('<path d="M108 188 H292 V280 Q292 318 252 318 H148 Q108 318 108 280 Z" fill="FILL"/>')
        + '<rect x="178" y="136" width="44" height="22" rx="11" fill="{ink}"/><path d="M108 206 H76 Q66 206 66 216 V226 Q66 236 76 236 H108 M292 206 H324 Q334 206 334 216 V226 Q334 236 324 236 H292" '
        'stroke="{ink}" stroke-width="12" fill="none"/><path d="M126 206 V282" stroke="#fff" stroke-opacity=".4" stroke-width="10" stroke-linecap="round"/>'
    ),
    "garment": Motif(
        _lit(
            '<path d="M152 100 L92 134 L110 194 L140 182 V310 Q140 318 148 318 H252 Q260 318 260 310 V182 L290 194 L308 134 L248 100 Q226 132 200 132 Q174 132 152 100 Z" fill="FILL"/>'
        )
        + '<path d="M152 100 Q174 132 200 132 Q226 132 248 100 L238 96 Q224 118 200 118 Q176 118 162 96 Z" fill="{deep}"/><path d="M140 182 V240 M260 182 V240" stroke="{deep}" stroke-opacity=".5" stroke-width="4"/>'
    ),
    "toy": Motif(
        _lit(
            '<circle cx="146" cy="124" r="30" fill="FILL"/><circle cx="254" cy="124" r="30" fill="FILL"/><circle cx="200" cy="162" r="66" fill="FILL"/><ellipse cx="200" cy="268" rx="72" ry="54" fill="FILL"/>'
        )
        + '<ellipse cx="200" cy="272" rx="42" ry="34" fill="url(#accent)"/><ellipse cx="200" cy="184" rx="30" ry="24" fill="#fff6ea"/><ellipse cx="200" cy="174" rx="10" ry="7" fill="{ink}"/>'
        '<circle cx="176" cy="150" r="7" fill="{ink}"/><circle cx="224" cy="150" r="7" fill="{ink}"/><path d="M186 192 Q200 204 214 192" stroke="{ink}" stroke-width="4" fill="none" stroke-linecap="round"/>'
    ),
    "bowl": Motif(
        '<path d="M92 206 Q120 140 200 150 Q282 138 308 206 Z" fill="url(#leaf)"/><g fill="url(#accent)"><circle cx="150" cy="186" r="20"/><circle cx="250" cy="182" r="19"/><circle cx="202" cy="172" r="17"/></g>'
        '<path d="M118 202 Q132 166 166 164 M226 160 Q268 164 284 200" stroke="#d7efb8" stroke-width="7" fill="none" stroke-linecap="round"/>'
        + _lit(
            '<path d="M80 204 H320 Q316 286 252 312 Q248 318 240 318 H160 Q152 318 148 312 Q84 286 80 204 Z" fill="FILL"/>'
        ),
        Label(136, 228, 128, 54),
    ),
    "cup": Motif(
        _lit('<path d="M128 142 H272 L256 304 Q254 318 240 318 H160 Q146 318 144 304 Z" fill="FILL"/>')
        + '<rect x="118" y="112" width="164" height="34" rx="12" fill="#f5f6f7"/>'
        '<rect x="118" y="112" width="164" height="34" rx="12" fill="url(#shade)" opacity=".5"/><path d="M176 96 q-10 -14 0 -26 q10 -12 0 -24 M222 96 q-10 -14 0 -26 q10 -12 0 -24" stroke="#cdd4da" stroke-width="6" fill="none" stroke-linecap="round"/>',
        Label(142, 178, 116, 80),
    ),
}

_WORDS: Sequence[tuple[str, str]] = (
    ("frozen", r"frozen|ice cream|ice pops|ice\b|pizza|novelt|sherbet|waffles"),
    ("pills", r"vitamin|analgesic|cold and flu|sinus|allergy|antacid|anti-acid|laxative|first aid|supplement|pharmacy|diet control|nut supp|smoking cess"),
    ("lipstick", r"makeup|cosmetic|lip\b|maybelline|cover girl|loreal|revlon|nail|eye and ear|fragrance"),
    ("tube", r"toothpaste|oral hygiene|suntan|ointment|foot care|cream tube"),
    ("toiletry", r"shampoo|hair|soap|lotion|deodorant|body wash|shav|razor|bath\b|care|hand body|mouthwash|hygiene|baby hbc"),
    ("paper", r"toilet tissue|bath tissue|paper towel|tissue|napkin|diaper|wipes|feminine"),
    ("card", r"cards?\b|wrap\b|party supplies|stationery|envelope"),
    ("magazine", r"magazine|book|newspaper|poster|calendar"),
    ("gift", r"christmas|halloween|valentine|easter|seasonal|gift|holiday|balloon|candles?|toys and games gift"),
    ("flowers", r"floral|flower|rose|bouquet|plant|lily|garden|mums|poinsettia|orchid|shrub"),
    ("toy", r"toys?\b|games?\b|doll|bears?"),
    ("bulb", r"bulb|batter|electrical|lamp|light"),
    ("pot", r"cookware|bakeware|kitchen gadget|gadgets|houseware|glassware|dinnerware|appliance|hardware|tools"),
    ("garment", r"apparel|hosiery|sock|shirt|jacket|pant|dress\b|footwear|shoe|glove|domestic goods"),
    ("bag", r"dog food dry|dry (?:dog|cat) food|cat litter|charcoal"),
    ("can", r"(?:dog|cat) food"),
    ("wine", r"wine|liquor|vodka|whisk|rum\b|tequila|gin\b|champagne|spirits"),
    ("drink_can", r"soft drink cans|beer|ale\b|energy drink|malt"),
    ("bottle", r"soft drink|water|juice|isotonic|soda|ketchup|catsup|dressing|oil\b|sauce\b(?!.*apple)|syrup|vinegar|detergent|bleach|softener|cleaner|cleaning|tea sweetened|drink|mustard|liquid"),
    ("carton", r"milk|creamer|half and half|eggnog|buttermilk|cream\b(?!.*(cheese|sour))|cider|broth"),
    ("eggs", r"\beggs?\b"),
    ("tub", r"yogurt|sour cream|cottage|margarine|butter tub|dip\b|dips|pudding|cream cheese|whipped|hummus|frosting|spread|deli salad|salads"),
    ("cheese", r"cheese(?!.*(macaroni|cracker))"),
    ("banana", r"banana"),
    ("berries", r"berr|grape|cherr"),
    ("carrot", r"carrot"),
    ("root", r"potatoes|onion|potato\b(?!.*chip)|yam|mushroom|garlic|turnip|beet\b"),
    ("leaf", r"lettuce|spinach|cabbage|broccoli|celery|kale|herb|asparagus|salad mix|greens|cauliflower|parsley"),
    ("bowl", r"salad bar|salad|fruit bowl|party tray|instore cut|sushi|prepared food|side dish"),
    ("jar", r"jam|jelly|peanut butter|salsa|pickle|olive|baby ?food|honey|pasta sauce|preserves|mayonnaise|spice|seasoning|relish|coffee|instant"),
    ("can", r"soup|canned|tuna|beans|chili|tomato(?:es)? (?:sauce|paste|stewed|diced)|diced tomatoes|pineapple can|corn\b|peas|gravy|condensed|stew|broth"),
    ("donut", r"donut|sweet goods"),
    ("cake", r"\bcakes?\b(?!.*(mix|snack))|pies?\b|cheesecake|pastr"),
    ("bread", r"bread|bun|roll\b|rolls|bagel|muffin|loaf|tortilla|english muffin|croissant"),
    ("sausage", r"sausage|hot dog|frank|bratwurst|wiener|bacon"),
    ("poultry", r"chicken|turkey|poultry|duck|wing"),
    ("fish", r"fish|seafood|salmon|shrimp|crab|tilapia|cod\b|catfish|lobster"),
    ("meat", r"beef|pork|ham\b|lamb|veal|steak|roast|ribs|meat|bologna|salami|lunch"),
    ("fruit", r"apple|orange|pear|peach|lemon|lime|plum|melon|tomato|pepper|fruit|mango|avocado|nectarine|citrus|produce|cucumber|squash"),
    ("cup", r"cup|tea\b|cocoa|ramen|coffee shop|hot drink"),
    ("bag", r"chip|snack|pretzel|candy|popcorn|cookie|nut\b|nuts|sugar|flour|rice|pasta|noodle|crouton|marshmallow|raisin|dried"),
    ("box", r"cereal|cracker|mix|bars?\b|oatmeal|macaroni|dinner|box"),
)  # fmt: skip
_RULES = tuple(
    (name, re.compile(rf"\b(?:{words})" if not words.startswith(r"\b") else words)) for name, words in _WORDS
)


def choose(title: str, category_path: Sequence[str]) -> str:
    """The motif for a product: by its own words first, then by those of its categories from the nearest."""
    for text in (title.partition(",")[0], *reversed(category_path)):
        words = text.lower()
        for name, pattern in _RULES:
            if pattern.search(words):
                return name
    return "box"
