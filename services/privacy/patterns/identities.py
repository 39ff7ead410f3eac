"""Numbers of people and things that have letters in them: national ids, accounts, wallets, documents. Pure."""

import re

from services.privacy.patterns import checksums
from services.privacy.patterns.checksums import standard
from services.privacy.patterns.rules import Rule, rule

_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21,
    "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27,
    "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
    "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "XK": 20,
}  # fmt: skip
_NINO = re.compile(r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z].*")
_DOCUMENT = ("passport", "passeport", "reisepass", "pasaporte", "passaporto", "passaporte", "paspoort", "ausweis", "identity card",
             "id card", "carte d'identité", "dni", "carta d'identità")  # fmt: skip
_LICENCE = (
    "driver's licen",
    "drivers licen",
    "driving licen",
    "driver licen",
    "dl number",
    "führerschein",
    "permis de conduire",
    "dvla",
)
_RECORD = ("mrn", "medical record", "patient id", "patient no", "patient number", "insurance id", "insurance number", "member id",
           "policy number", "health card", "krankenversicher", "versichertennummer")  # fmt: skip


def _plain(text: str) -> str:
    return re.sub(r"[\s.\-/]", "", text).upper()


def _iban_length(text: str) -> int:
    """Return how many characters of a text are its IBAN; 0 where there is none."""
    wanted, seen = _IBAN_LENGTHS.get(text[:2].upper(), 0), 0
    for at, letter in enumerate(text, 1):
        seen += letter.isalnum()
        if seen == wanted:
            return at if checksums.iban(text[:at]) else 0
    return 0


def _is_iban(text: str) -> bool:
    return _iban_length(text) > 0


def _has_digit(text: str) -> bool:
    return sum(map(str.isdigit, text)) >= 2


def _is_nino(text: str) -> bool:
    return _NINO.fullmatch(_plain(text)) is not None


def _plainly(module: str) -> checksums.Check:
    check = standard(module)
    return lambda text: check(_plain(text))


IDENTITIES: tuple[Rule, ...] = (
    rule("IBAN", r"(?<![A-Za-z0-9])(?:[A-Z]{2}[0-9]{2}(?:[ -][A-Z0-9]{4}){2,7}(?:[ -][A-Z0-9]{1,3})?|[A-Za-z]{2}[0-9]{2}[A-Za-z0-9]{11,30})(?![A-Za-z0-9])", check=_is_iban, begins=("digit", "letter")),
    rule("UK_NINO", r"(?<![A-Za-z0-9])[A-Z]{2} ?-?[0-9]{2}[ -]?[0-9]{2}[ -]?[0-9]{2} ?-?[A-D](?![A-Za-z0-9])", check=_is_nino, begins=("letter",)),
    rule("ES_DNI", r"(?<![A-Za-z0-9.,-])[0-9]{2}(?:[0-9]{6}|\.[0-9]{3}\.[0-9]{3})[ -]?[A-Za-z](?![A-Za-z0-9])", check=_plainly("es.dni"), begins=("digit",)),
    rule("ES_NIE", r"(?<![A-Za-z0-9-])[XYZxyz][ -]?[0-9]{7}[ -]?[A-Za-z](?![A-Za-z0-9])", check=_plainly("es.nie"), begins=("letter",)),
    rule("IT_FISCAL_CODE", r"(?<![A-Za-z0-9])[A-Za-z]{6}[0-9LMNP-V]{2}[A-Ea-eHhLlMmPpR-Tr-t][0-9LMNP-V]{2}[A-Za-z][0-9LMNP-V]{3}[A-Za-z](?![A-Za-z0-9])", check=standard("it.codicefiscale"), begins=("long_letter",)),
    rule("IN_PAN", r"(?<![A-Za-z0-9])[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z](?![A-Za-z0-9])", begins=("long_letter",)),
    rule("FI_HETU", r"(?<![A-Za-z0-9-])[0-9]{6}[-+A-FU-Ya-f][0-9]{3}[0-9A-Ya-y](?![A-Za-z0-9])", check=standard("fi.hetu"), begins=("long_digit",)),
    rule("SE_PNR", r"(?<![A-Za-z0-9-])[0-9]{6}\+[0-9]{4}(?![A-Za-z0-9])", "+", check=standard("se.personnummer"), begins=("long_digit",)),
    rule("LV_PK", r"(?<![A-Za-z0-9-])[0-9]{6}-[0-9]{5}(?![A-Za-z0-9-])", check=standard("lv.pvn"), begins=("long_digit",)),
    rule("FR_NIR", r"(?<![A-Za-z0-9])[12][ ]?[0-9]{2}[ ]?[0-9]{2}[ ]?2[AB][ ]?[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{2}(?![A-Za-z0-9])", "2a", "2b", check=_plainly("fr.nir"), begins=("digit",)),
    rule("IE_PPS", r"(?<![A-Za-z0-9-])[0-9]{7}[A-Wa-w][A-Ia-iWw]?(?![A-Za-z0-9-])", check=standard("ie.pps"), begins=("long_digit",)),
    rule("CN_RIC", r"(?<![A-Za-z0-9])[0-9]{17}[Xx](?![A-Za-z0-9])", "x", check=standard("cn.ric"), begins=("long_digit",)),
    rule("MX_CURP", r"(?<![A-Za-z0-9])[A-Z]{4}[0-9]{6}[HMX][A-Z]{5}[A-Z0-9][0-9](?![A-Za-z0-9])", check=standard("mx.curp"), begins=("long_letter",)),
    rule("MX_RFC", r"(?<![A-Za-z0-9&Ñ])[A-ZÑ&]{4}-?[0-9]{6}-?[A-Z0-9]{3}(?![A-Za-z0-9])", check=standard("mx.rfc"), begins=("letter",)),
    rule("SG_NRIC", r"(?<![A-Za-z0-9])[STFGMstfgm][0-9]{7}[A-Za-z](?![A-Za-z0-9])", check=checksums.singapore, begins=("long_letter",)),
    rule("HK_ID", r"(?<![A-Za-z0-9])[A-Z]{1,2}[0-9]{6}\([0-9A]\)", "(", check=checksums.hong_kong, begins=("long_letter",)),
    rule("HK_ID", r"(?<![A-Za-z0-9])[A-Z]{1,2}[0-9]{6}[0-9A](?![A-Za-z0-9])", "hkid", "hong kong", check=checksums.hong_kong, begins=("long_letter",)),
    rule("TW_ID", r"(?<![A-Za-z0-9])[A-Z][1289][0-9]{8}(?![A-Za-z0-9])", check=checksums.taiwan, begins=("long_letter",)),
    rule("CL_RUT", r"(?<![A-Za-z0-9.])[0-9]{1,2}\.?[0-9]{3}\.?[0-9]{3}-[Kk](?![A-Za-z0-9])", "-k", check=standard("cl.rut"), begins=("digit",)),
    rule("US_MBI", r"(?<![A-Za-z0-9])[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y]{2}[0-9]{2}(?![A-Za-z0-9])", begins=("digit",)),
    rule("DRIVING_LICENCE", r"(?<![A-Za-z0-9])[A-Z9]{5}[0-9][0156][0-9](?:0[1-9]|[12][0-9]|3[01])[0-9][A-Z9]{2}[A-Z0-9]{3}(?![A-Za-z0-9])", begins=("long_digit", "long_letter")),
    rule("DRIVING_LICENCE", r"(?<![A-Za-z0-9])[A-Za-z]{0,3}[0-9][A-Za-z0-9-]{5,18}(?![A-Za-z0-9])", check=_has_digit, words=_LICENCE, begins=("long_digit", "long_letter")),
    rule("PASSPORT", r"(?<![A-Za-z0-9])(?:[A-Z]{1,3}[0-9]{5,8}[A-Z0-9]?|[CFGHJKLMNPRTVWXYZ0-9]{9,10}|[0-9]{2}[A-Z]{2}[0-9]{5})(?![A-Za-z0-9])", check=_has_digit, words=_DOCUMENT, begins=("long_digit", "long_letter")),
    rule("PASSPORT", r"P<[A-Z]{3}[A-Z<]{20,}+(?:\s?[A-Z0-9<]{40,}+)?", "p<"),
    rule("MEDICAL_RECORD", r"(?<![A-Za-z0-9])[A-Z]{1,4}-?[0-9]{5,12}(?![A-Za-z0-9])", words=_RECORD, begins=("letter",)),
    rule("VIN", r"(?<![A-Za-z0-9])[A-HJ-NPR-Z0-9]{8}[0-9X][A-HJ-NPR-Z0-9]{8}(?![A-Za-z0-9])", check=checksums.vehicle, begins=("long_digit", "long_letter")),
    rule("CRYPTO_ADDRESS", r"(?<![A-Za-z0-9])(?:bc1|tb1|ltc1)[ac-hj-np-z02-9]{20,70}(?![A-Za-z0-9])", "bc1", "tb1", "ltc1"),
    rule("CRYPTO_ADDRESS", r"(?<![A-Za-z0-9])0x[0-9a-fA-F]{40}(?![A-Za-z0-9])", "0x", begins=("long_digit", "long_letter")),
    rule("CRYPTO_ADDRESS", r"(?<![A-Za-z0-9])[13LMDAT][1-9A-HJ-NP-Za-km-z]{25,34}(?![A-Za-z0-9])", check=checksums.base58, begins=("long_digit", "long_letter")),
    rule("CRYPTO_ADDRESS", r"(?<![A-Za-z0-9])4[0-9AB][1-9A-HJ-NP-Za-km-z]{93}(?![A-Za-z0-9])", begins=("long_digit", "long_letter")),
    rule("CARD_CODE", r"(?i)(?:(?<![a-z])(?:cvv2?|cvc2?|cid|security code|pin(?: ?code| number)?)(?:\\?[\"'])?(?:[ ]{0,3}[:=#]|[ ]is|[ ]ist|[ ]es)?[ ]{0,3}(?:\\?[\"'])?)([0-9]{3,8})(?![0-9])", "cvv", "cvc", "cid:", "security code", "pin:", "pin ", "pin=", 'pin"', "pin_", "pincode"),
    rule("BANK_ACCOUNT", r"(?i:(?<![a-z])(?:swift|bic)(?: ?code)?(?:\\?[\"'])?[ :=]{1,3}(?:\\?[\"'])?)([A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)(?![A-Za-z0-9])", "swift", "bic"),
)  # fmt: skip
