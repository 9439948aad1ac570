"""Kinds and lower-case forms of characters, by code point, frozen as of Unicode 14.

Python, ICU and RE2 each bring tables of their own, of different versions of Unicode. Texts must be read alike in a
notebook, a SavedModel and on a device, today and after an upgrade, so both readers of texts (`mmzoo.encoding.texts`,
`mmzoo.exporting.raw.text_ops`) take these. tests/test_text_encoding.py compares them with Python's own.
"""

from __future__ import annotations

import functools
import re

import numpy as np

WORD, SPACE, PUNCTUATION, SYMBOL, IDEOGRAPH = range(5)
"""Kinds of characters.

SPACE: Unicode's categories Z*, Cc and Cf, variation selectors (U+FE00..U+FE0F) and non-characters. PUNCTUATION: P*,
and all of ASCII that is neither letter nor digit. SYMBOL: S* beyond ASCII, emoji among them. IDEOGRAPH: the ranges that
BERT takes for Chinese characters. WORD: all others: letters, marks, digits, what is private or not assigned.
"""

_LETTERS = "wzpsi"

# The kind and the number of code points of every run, from U+0000 on.
_KINDS = (
    "z33p15w10p7w26p6w26p4z34p1s5p1s2w1p1s1z1s4w2s1w1p2s1w2p1w3p1w23s1w31s1w458s4w12s14w5s7w1s1w1s17w117s1w8p1w5"
    "s2w1p1w110s1w139s1w215p6w41p2w2s3w46p1w1p1w2p1w2p1w44p2w11z6s3p2s1p2s2w11p1z1p3w74p4w102p1w8z1s1w10s1w19s2w1"
    "p14w1z1w230s1p3w4s2w48p15w31p1w41s1w7z2w80z1w129p2w10p1w129s2w6s2w1p1w120p1w121p1s1w126s1w130s8w124p1w7s1w4"
    "p1w202s1w41s1w122p1w74s1w15p1w10p2w165s3p15s1p1s3w2s6w20s1w1s1w1s1w1p4w71p1w56s8w1s6w1s2p5s4p2w111p6w78s2w91"
    "p1w612p9w39s10w102p1w620s1p1w17z1w26p2w78p3w71p2w157p3w1p3s1w36p11w3z1w305s1w3p2w152s34w30p2w128p7w1p6w172p7"
    "s10w9s9p2w125p4w59p5w62p2w64p8w11p1w745s1w1s3w11s3w13s3w13s3w13s2w1z16p24z8p20s1p13s1p12z6w1z10w10s3p2w11s3"
    "p2w17s33w63s2w1s4w1s2w10s1w1s3w5s6w1s1w1s1w1s1w4s1w11s2w4s5w5s4w1s1w58s2w4s376p4s29p2s252w25s11w81s78w22s616"
    "p14w30s49p2s31p10s403p22s63p4s32p2s374w2s32w1s105w229s6w14p4w1p2w112p1w143p47w1p32s2p12w34s26w1s89w12s214w26"
    "s12w4z1p3s1w3p10s2p12s1w15p1w5s2w5p1s2w91s2w3p1w90p1w148s2w4s10w32s36w28s31w11s30w8s1w15s32w10s39w15s320"
    "i6592s64i20992w1168s55w55p2w269p3w99p1w10p1w115p6w8s23w9s2w103s2w157s4w10s4w58p4w86p2w40p3w1p1w49p2w47p1w97"
    "p13w16p2w124p4w23s3w100p2w16p2w105s1w14s2w127p1w19732i512w41s1w136s17w379p2s16w127s1z32w12s4z16p10w22p35w1"
    "p14s1p1s3w1p1s1p2w147z1w1p3s1p6s1p4w10p2s3p2w26p3s1p1s1w26p1s1p1s1p7w122s7w1s7w10z3s2z2w256p3w52s9w57s17w2s3"
    "w1s13w3s1w47s45w418p1w48p1w414p1w743p1w31s2w166p1w31p1w272p9w38p1w72s1w39p7w66p7w89p4w784p1w167p5w44p4w189p7"
    "w109p2z1p4w11z1w114p4w48p2w79p4w4p1w13p1w1p3w88p6w107p1w417p5w10p2w1p1w104p1w250p23w105p3w28p13w76p1w130p3s1"
    "w251p1w264p3w155p1w92p8w83p3w1p5w414p5w42p2w645p2w220s29w13p1w1136p5w2940p2w1085z9w13877p2w133p1w65p5s4w4p1"
    "s1w849p4w327p1w19641s1w2p1z4w4780s116w60s246w10s39w2s60w5s3w6z8w8s2w7s30w4s61w21s66w3s1w186s87w874s1w25s1w31"
    "s1w25s1w31s1w25s1w31s1w25s1w31s1w25s1w60s512w55s4w50s8w1s14w1s2p5w1731s1w431s1w1630p2w844s1w3s1w125s1w449s2"
    "w270s44w4s100w12s15w2s15w1s15w1s37w23s161w56s29w13s44w4s9w7s2w14s6w154s984w5s16w3s13w3s116w12s89w7s12w4s1w15"
    "s12w4s56w8s10w6s40w8s30w2s2w78s340w12s14w2s5w3s5w3s7w9s29w3s11w5s6w10s10w6s8w8s7w9s147w1s55w1075z2i42720w32"
    "i10160w10576i544w1502z2w65534z2w65534z2w65534z2w65534z2w65534z2w65534z2w65534z2w65534z2w65534z2w65534z2"
    "w65534z2w1z1w30z96w65406z2w65534z2w65534z2"
)

# First and last code point of every run, "/2": every second one, and what to add. Simple case mapping, one code point
# for one; and the final sigma becomes a sigma.
_LOWER = (
    "41-5a+32 c0-d6+32 d8-de+32 100-12e/2+1 130-199 132-136/2+1 139-147/2+1 14a-176/2+1 178-121 179-17d/2+1 "
    "181+210 182-184/2+1 186+206 187+1 189-18a+205 18b+1 18e+79 18f+202 190+203 191+1 193+205 194+207 196+211 "
    "197+209 198+1 19c+211 19d+213 19f+214 1a0-1a4/2+1 1a6+218 1a7+1 1a9+218 1ac+1 1ae+218 1af+1 1b1-1b2+217 "
    "1b3-1b5/2+1 1b7+219 1b8+1 1bc+1 1c4+2 1c5+1 1c7+2 1c8+1 1ca+2 1cb-1db/2+1 1de-1ee/2+1 1f1+2 1f2-1f4/2+1 "
    "1f6-97 1f7-56 1f8-21e/2+1 220-130 222-232/2+1 23a+10795 23b+1 23d-163 23e+10792 241+1 243-195 244+69 245+71 "
    "246-24e/2+1 370-372/2+1 376+1 37f+116 386+38 388-38a+37 38c+64 38e-38f+63 391-3a1+32 3a3-3ab+32 3c2+1 3cf+8 "
    "3d8-3ee/2+1 3f4-60 3f7+1 3f9-7 3fa+1 3fd-3ff-130 400-40f+80 410-42f+32 460-480/2+1 48a-4be/2+1 4c0+15 "
    "4c1-4cd/2+1 4d0-52e/2+1 531-556+48 10a0-10c5+7264 10c7+7264 10cd+7264 13a0-13ef+38864 13f0-13f5+8 "
    "1c90-1cba-3008 1cbd-1cbf-3008 1e00-1e94/2+1 1e9e-7615 1ea0-1efe/2+1 1f08-1f0f-8 1f18-1f1d-8 1f28-1f2f-8 "
    "1f38-1f3f-8 1f48-1f4d-8 1f59-1f5f/2-8 1f68-1f6f-8 1f88-1f8f-8 1f98-1f9f-8 1fa8-1faf-8 1fb8-1fb9-8 "
    "1fba-1fbb-74 1fbc-9 1fc8-1fcb-86 1fcc-9 1fd8-1fd9-8 1fda-1fdb-100 1fe8-1fe9-8 1fea-1feb-112 1fec-7 "
    "1ff8-1ff9-128 1ffa-1ffb-126 1ffc-9 2126-7517 212a-8383 212b-8262 2132+28 2160-216f+16 2183+1 24b6-24cf+26 "
    "2c00-2c2f+48 2c60+1 2c62-10743 2c63-3814 2c64-10727 2c67-2c6b/2+1 2c6d-10780 2c6e-10749 2c6f-10783 "
    "2c70-10782 2c72+1 2c75+1 2c7e-2c7f-10815 2c80-2ce2/2+1 2ceb-2ced/2+1 2cf2+1 a640-a66c/2+1 a680-a69a/2+1 "
    "a722-a72e/2+1 a732-a76e/2+1 a779-a77b/2+1 a77d-35332 a77e-a786/2+1 a78b+1 a78d-42280 a790-a792/2+1 "
    "a796-a7a8/2+1 a7aa-42308 a7ab-42319 a7ac-42315 a7ad-42305 a7ae-42308 a7b0-42258 a7b1-42282 a7b2-42261 "
    "a7b3+928 a7b4-a7c2/2+1 a7c4-48 a7c5-42307 a7c6-35384 a7c7-a7c9/2+1 a7d0+1 a7d6-a7d8/2+1 a7f5+1 ff21-ff3a+32 "
    "10400-10427+40 104b0-104d3+40 10570+39 10571-1057a+39 1057c-1058a+39 1058c-10592+39 10594-10595+39 "
    "10c80-10cb2+64 118a0-118bf+32 16e40-16e5f+32 1e900-1e921+34"
)


@functools.cache
def kind_runs() -> tuple[np.ndarray, np.ndarray]:
    """Runs of characters of one kind.

    Returns:
        First code point of each run in ascending order, int32 (R,); its kind, int32 (R,).
    """
    runs = re.findall(r"([a-z])(\d+)", _KINDS)
    lengths = np.array([int(length) for _, length in runs])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int32)
    return starts, np.array([_LETTERS.index(letter) for letter, _ in runs], np.int32)


@functools.cache
def lower_case() -> dict[int, int]:
    """Code point -> code point of its lower-case form, for those that have another; as `str.translate` takes it."""
    mapping = {}
    for first, last, step, delta in re.findall(r"([0-9a-f]+)(?:-([0-9a-f]+))?(?:/(2))?([+-]\d+)", _LOWER):
        for code in range(int(first, 16), int(last or first, 16) + 1, int(step or 1)):
            mapping[code] = code + int(delta)
    return mapping


@functools.cache
def character_class(*kinds: int) -> str:
    """The inside of a class of `re` that holds the characters of these kinds."""
    starts, found = kind_runs()
    ends = np.append(starts[1:], 0x110000)
    return "".join(
        f"\\U{start:08x}-\\U{end - 1:08x}"
        for start, end, kind in zip(starts, ends, found, strict=True)
        if kind in kinds
    )
