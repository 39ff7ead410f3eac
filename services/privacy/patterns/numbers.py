"""Numbers of people and things in a text: runs of digits, told apart by how they are grouped. Pure.

A run is digits in groups with one separator between them. Its shape is the groups' lengths and the
separators, e.g. `3-2-4`. A shape leads to the kinds that are written so; a check decides, and where shape
and check leave much to chance, a word near it has to.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from services.privacy.patterns import checksums, weights
from services.privacy.patterns.checksums import Check, standard
from services.privacy.patterns.reading import Text
from services.privacy.patterns.rules import one_of
from services.privacy.patterns.told import Told
from services.privacy.spans import Span

# Taken whole by a lookahead and its group: Python up to 3.11.4 loses matches of a possessive group in another.
_RUN = re.compile(r"(?<![0-9A-Za-z])(?<![0-9A-Za-z][.])(?=([0-9]+(?:[-. /][0-9]+)*))\1(?![0-9A-Za-z])")
_GROUP = re.compile(r"[0-9]+")
_LEAST_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Number:
    """A kind of number.

    Attributes:
        alone: Shapes that are enough with the check; `_` is a space, a hyphen or a full stop.
        named: Shapes that need a word near them as well.
        words: In lower case.
    """

    kind: str
    check: Check
    alone: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def _any(_: str) -> bool:
    return True


def _not_round(check: Check) -> Check:
    return lambda text: not text.endswith("000") and check(text)


_TAX = ("tax file", "tfn", "steuer", "fiscal", "tax id", "taxpayer", "tax number", "nif", "contribuinte")
NUMBERS = (
    Number(
        "CARD",
        checksums.card,
        ("13", "14", "15", "16", "19", "4_4_4_4", "4_6_5", "4_6_4", "4_4_4_4_3"),
    ),
    Number("US_SSN", checksums.social_security, ("3-2-4", "3 2 4"), ("9", "3.2.4"), ("ssn", "social security")),
    Number("US_ITIN", checksums.individual_taxpayer, ("3-2-4", "3 2 4"), ("9",), ("itin", "taxpayer")),
    Number("UK_NHS", weights.health_service, ("3 3 4",), ("10", "3-3-4"), ("nhs", "health service")),
    Number("DE_TAX_ID", weights.tax_identity, ("11", "2 3 3 3"), (), ("steuer", "idnr", "tax id")),
    Number(
        "FR_NIR", standard("fr.nir"), ("15", "13 2", "1_2_2_2_3_3_2"), (), ("nir", "sécurité sociale", "sécu", "insee")
    ),
    Number("NL_BSN", standard("nl.bsn"), ("4.2.3", "4 2 3"), ("9", "3_3_3"), ("bsn", "burgerservice", "sofi")),
    Number("PL_PESEL", weights.pesel, ("11",), (), ("pesel",)),
    Number("BR_CPF", weights.cpf, ("3.3.3-2", "11"), ("3 3 3 2", "9-2"), ("cpf",)),
    Number("BR_CNPJ", standard("br.cnpj"), ("2.3.3/4-2", "14"), ("8/4-2",), ("cnpj",)),
    Number("IN_AADHAAR", weights.aadhaar, ("4 4 4", "4-4-4"), ("12",), ("aadhaar", "aadhar", "uidai")),
    Number(
        "CA_SIN",
        _not_round(weights.social_insurance),
        ("3-3-3", "3 3 3"),
        ("9",),
        ("sin", "social insurance", "assurance sociale"),
    ),
    Number("AU_TFN", _not_round(weights.tax_file), ("3 3 3", "3-3-3"), ("9", "8"), _TAX),
    Number("AU_MEDICARE", checksums.medicare, ("4 5 1", "4-5-1", "4 5 1/1", "4 5 1-1"), ("10", "11"), ("medicare",)),
    Number("SE_PNR", standard("se.personnummer"), ("6-4", "8-4", "12"), ("10", "6 4"), ("personnummer", "person nummer", "swedish")),
    Number("DK_CPR", standard("dk.cpr"), ("6-4",), ("10", "6 4"), ("cpr", "personnummer", "danish")),
    Number("IS_KENNITALA", standard("is_.kennitala"), ("6-4",), ("10", "6 4"), ("kennitala", "icelandic")),
    Number("NO_FNR", weights.birth_number, ("6 5", "6-5", "11"), (), ("fødsel", "fodsel", "personnummer")),
    Number("BE_NN", weights.national_register, ("2.2.2-3.2", "11"), ("6-3-2",), ("national register", "rijksregister", "registre")),
    Number("CH_AHV", standard("ch.ssn"), ("3.4.4.2", "13"), ("3 4 4 2",), ("ahv", "avs")),
    Number("AT_SVNR", standard("at.vnr"), ("4 6", "4-6"), ("10",), ("svnr", "sozialversicherung", "versicherungsnummer")),
    Number("PT_NIF", standard("pt.nif"), (), ("9", "3_3_3"), _TAX),
    Number("GR_AMKA", weights.amka, ("11",), (), ("amka", "αμκα")),
    Number("RO_CNP", standard("ro.cnp"), ("13",), (), ("cnp",)),
    Number("CZ_RC", standard("cz.rc"), ("6/4", "6/3"), ("10",), ("rodné", "rodne", "birth number")),
    Number("BG_EGN", standard("bg.egn"), (), ("10",), ("egn", "егн")),
    Number("EE_IK", weights.baltic, ("11",), (), ("isikukood", "asmens")),
    Number("HR_OIB", standard("hr.oib"), (), ("11",), ("oib",)),
    Number("SI_EMSO", standard("si.emso"), ("13",), (), ("emso", "emšo", "jmbg")),
    Number("TR_TCKN", weights.kimlik, ("11",), (), ("kimlik", "tckn")),
    Number("ZA_ID", standard("za.idnr"), ("13", "6 4 3", "6 4 2 1"), (), ("south africa", "rsa id")),
    Number("IL_ID", standard("il.idnr"), ("8-1",), ("9",), ("israel", "teudat", "zehut")),
    Number("CN_RIC", standard("cn.ric"), ("18",)),
    Number("KR_RRN", standard("kr.rrn"), ("6-7",), ("13",), ("rrn", "주민", "resident registration")),
    Number("JP_MY_NUMBER", checksums.my_number, ("4 4 4", "4-4-4"), ("12",), ("my number", "マイナンバー", "個人番号")),
    Number("TH_PIN", standard("th.pin"), ("1-4-5-2-1", "1 4 5 2 1", "13"), (), ("thai",)),
    Number("MY_NRIC", standard("my.nric"), ("6-2-4",), ("12",), ("nric", "mykad", "kad pengenalan")),
    Number("PK_CNIC", standard("pk.cnic"), ("5-7-1",), ("13",), ("cnic",)),
    Number("AR_CUIT", standard("ar.cuit"), ("2-8-1",), ("11",), ("cuit", "cuil")),
    Number("CL_RUT", standard("cl.rut"), ("2.3.3-1", "1.3.3-1", "8-1", "7-1"), ("9", "8"), ("rut", "run")),
    Number("RU_SNILS", checksums.snils, ("3-3-3 2", "3-3-3-2"), ("11",), ("snils", "снилс")),
    Number("IMEI", checksums.luhn, (), ("15", "2_6_6_1"), ("imei",)),
    Number(
        "BANK_ACCOUNT",
        _any,
        (),
        (*map(str, range(6, 13)), "2-2-2", "2 2 2", "4 4"),
        ("account number", "account no", "acct", "bank account", "konto", "numéro de compte", "sort code", "sortcode",
         "routing", "aba number", "cuenta"),
    ),
    Number(
        "MEDICAL_RECORD",
        _any,
        (),
        tuple(map(str, range(6, 13))),
        ("mrn", "medical record", "patient id", "patient number", "insurance number", "member id", "policy number",
         "health card", "krankenversicher"),
    ),
    Number("PASSPORT", _any, (), ("8", "9"), ("passport", "passeport", "reisepass", "pasaporte", "passaporto")),
    Number("DRIVING_LICENCE", _any, (), ("7", "8", "9", "10"), ("driver's licen", "driving licen", "driver licen", "führerschein")),
)  # fmt: skip


# Which kinds a shape may be, what names them, and whether the shape is enough.
_Shapes = dict[str, list[tuple[Number, re.Pattern[str] | None, bool]]]


def _shapes() -> _Shapes:
    found: _Shapes = {}
    for number in NUMBERS:
        words = one_of(number.words) if number.words else None
        for shapes, alone in ((number.alone, True), (number.named, False)):
            for shape in shapes:
                for separator in " -." if "_" in shape else " ":
                    found.setdefault(shape.replace("_", separator), []).append((number, words, alone))
    return found


def _beginnings(shapes: _Shapes) -> frozenset[str]:
    ends = (re.finditer(r"[0-9]+", shape) for shape in shapes)
    return frozenset(match.string[: match.end()] for matches in ends for match in matches)


_SHAPES = _shapes()
_BEGINNINGS = _beginnings(_SHAPES)


def find_numbers(text: Text) -> Iterator[Span]:
    """Yield the numbers of a text; of several kinds that one may be, the one that is named near it."""
    end, told = 0, Told(text)
    for at in text.starts.digit:
        run = _RUN.match(text.whole, at) if at >= end else None
        if run is not None:
            end = run.end()
            if end - at >= _LEAST_DIGITS:
                yield from _in_run(told, at, run[0])


def _in_run(told: Told, start: int, run: str) -> Iterator[Span]:
    """Yield the numbers in a run: from each group on, the longest that is one."""
    groups = [match.span() for match in _GROUP.finditer(run)]
    at = 0
    while at < len(groups):
        kind, taken = _longest(told, start, run, groups, at)
        if kind:
            yield Span(start + groups[at][0], start + groups[at + taken - 1][1], kind)
        at += taken


def _longest(told: Told, start: int, run: str, groups: list[tuple[int, int]], at: int) -> tuple[str, int]:
    """Return the kind of the longest number that begins with a group and how many groups it has; "" and 1 for none."""
    shape, found = "", ("", 1)
    first = groups[at][0]
    for last in range(at, len(groups)):
        begin, end = groups[last]
        shape += (run[begin - 1] if last > at else "") + str(end - begin)
        if shape not in _BEGINNINGS:
            break
        if shape in _SHAPES and (kind := _kind(told, start + first, run[first:end], shape)):
            found = (kind, last - at + 1)
    return found


def _kind(told: Told, start: int, number: str, shape: str) -> str:
    enough, end = "", start + len(number)
    for kind, words, alone in _SHAPES[shape]:
        named = words is not None and told.named(kind.words, words, start, end)
        if (named or (alone and not enough)) and kind.check(number):
            if named:
                return kind.kind
            enough = kind.kind
    return enough
