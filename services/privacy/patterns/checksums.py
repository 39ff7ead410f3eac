"""Checks of numbers, of digits alone unless told otherwise. python-stdnum knows most countries'; what it lacks is here. Pure."""

import hashlib
import re
from collections.abc import Callable
from importlib import import_module

Check = Callable[[str], bool]

_NO_DIGIT = re.compile(r"[^0-9]+")
_LUHN = bytes((2 * d) // 10 + (2 * d) % 10 for d in range(10))
# Issuers by first digits and lengths: Visa, Mastercard, American Express, Diners, Discover, UnionPay, JCB, Maestro.
_CARD = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|(?:5[1-5]|2[2-7])[0-9]{14}|3[47][0-9]{13}|3(?:0[0-59]|[689][0-9])[0-9]{11}"
    r"|6(?:[0-9]{15}|[0-9]{18})|35[0-9]{14}|5[06-8][0-9]{14}"
)
_BASE58 = {letter: at for at, letter in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}
_COLLATED = {letter: at for at, letter in enumerate("ABCDEFGHJKLMNPQRSTUVXYWZIO", 10)}


def standard(module: str) -> Check:
    """Return the check of a module of python-stdnum, e.g. `pl.pesel`; it takes separators too."""
    known: Check = import_module(f"stdnum.{module}").is_valid

    def check(text: str) -> bool:
        try:
            return known(text)
        except LookupError:  # its table of places knows the province and not the county
            return False

    return check


def digits_of(text: str) -> str:
    """Return a text's ASCII digits."""
    return _NO_DIGIT.sub("", text)


def luhn(number: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    digits = number.encode()
    doubled = sum(_LUHN[digit - 48] for digit in digits[-2::-2])
    return (doubled + sum(digit - 48 for digit in digits[-1::-2])) % 10 == 0


def card(number: str) -> bool:
    """A card of a known issuer. Luhn; a row of one digit is nobody's."""
    number = digits_of(number)
    return _CARD.fullmatch(number) is not None and len(set(number)) > 1 and luhn(number)


def iban(text: str) -> bool:
    """ISO 13616: mod 97, lengths as in the registry are python-stdnum's affair."""
    plain = "".join(text.split()).replace("-", "").upper()
    if not 15 <= len(plain) <= 34:
        return False
    turned = plain[4:] + plain[:4]
    return turned.isalnum() and int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def social_security(text: str) -> bool:
    """US: no area 000, 666 or 9xx, no group 00, no serial 0000."""
    number = digits_of(text)
    return len(number) == 9 and number[:3] not in ("000", "666") and number[0] != "9" and _parts_set(number)


def individual_taxpayer(text: str) -> bool:
    """US ITIN: area 9xx, group 50 to 65, 70 to 88, 90 to 92, 94 to 99."""
    number = digits_of(text)
    group = int(number[3:5] or 0)
    known = 50 <= group <= 65 or (70 <= group <= 99 and group not in (89, 93))
    return len(number) == 9 and number[0] == "9" and known


def _parts_set(number: str) -> bool:
    return number[3:5] != "00" and number[5:] != "0000"


def medicare(text: str) -> bool:
    """Australia: weights 1, 3, 7, 9 repeated over eight digits, mod 10."""
    number = digits_of(text)
    total = sum(int(digit) * weight for digit, weight in zip(number[:8], (1, 3, 7, 9) * 2, strict=False))
    return len(number) in (10, 11) and number[0] in "23456" and total % 10 == int(number[8])


def snils(text: str) -> bool:
    """Russia: weights 9 to 1, mod 101, 100 counts as 0."""
    number = digits_of(text)
    total = sum(int(digit) * (9 - at) for at, digit in enumerate(number[:9]))
    return len(number) == 11 and len(set(number)) > 2 and total % 101 % 100 == int(number[9:])


def my_number(text: str) -> bool:
    """Japan: Ministerial ordinance 85 of 2014, article 5."""
    number = digits_of(text)
    if len(number) != 12 or len(set(number)) < 3:
        return False
    weighted = sum(int(digit) * (at + 1 if at <= 6 else at - 5) for at, digit in enumerate(reversed(number[:11]), 1))
    return int(number[11]) == (0 if weighted % 11 <= 1 else 11 - weighted % 11)


def hong_kong(text: str) -> bool:
    """One or two letters, six digits, a check digit or A; mod 11."""
    plain = re.sub(r"[^A-Z0-9]", "", text.upper())
    body, check = plain[:-1].rjust(8), plain[-1:]
    values = [36 if letter == " " else int(letter, 36) for letter in body]
    total = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    return (total + (10 if check == "A" else int(check))) % 11 == 0


def singapore(text: str) -> bool:
    """S, T, F, G or M, seven digits, a letter."""
    text = text.upper()
    total = sum(int(digit) * weight for digit, weight in zip(text[1:8], (2, 7, 6, 5, 4, 3, 2), strict=True))
    total += {"T": 4, "G": 4, "M": 3}.get(text[0], 0)
    if text[0] in "ST":
        return "JZIHGFEDCBA"[total % 11] == text[8]
    if text[0] == "M":
        return "KLJNPQRTUWX"[10 - total % 11] == text[8]
    return "XWUTRQPNMLK"[total % 11] == text[8]


def taiwan(text: str) -> bool:
    """A letter and nine digits, mod 10."""
    first = _COLLATED.get(text[0].upper())
    if first is None:
        return False
    digits = [first // 10, first % 10, *(int(digit) for digit in text[1:])]
    return sum(d * weight for d, weight in zip(digits, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True)) % 10 == 0


def base58(text: str) -> bool:
    """Base58Check, whatever its version: Bitcoin, Litecoin, Dogecoin, Tron, Ripple has another alphabet."""
    number = 0
    for letter in text:
        if letter not in _BASE58:
            return False
        number = number * 58 + _BASE58[letter]
    if number.bit_length() > 200:
        return False
    data = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(data[:21]).digest()).digest()[:4] == data[21:]


def vehicle(text: str) -> bool:
    """ISO 3779 with the check digit that North America and China ask for."""
    values = {**dict(zip("ABCDEFGH", range(1, 9), strict=True)), **dict(zip("JKLMN", range(1, 6), strict=True))}
    values |= {"P": 7, "R": 9, **dict(zip("STUVWXYZ", range(2, 10), strict=True))}
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    total = sum((values.get(c) or int(c, 36)) * weight for c, weight in zip(text.upper(), weights, strict=True))
    return text[8].upper() == "0123456789X"[total % 11]
