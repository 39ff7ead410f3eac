"""Checksums of the numbers whose shapes are common in ordinary text: tried often, so by arithmetic alone. Pure.

Each takes separators, and agrees with python-stdnum's check of the same name in the tests.
"""

from services.privacy.patterns.checksums import digits_of, luhn

_VERHOEFF = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_TURNED = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def _sum(digits: str, weights: tuple[int, ...]) -> int:
    return sum([(ord(digit) - 48) * weight for digit, weight in zip(digits, weights, strict=False)])


def _is_date(month: str, day: str) -> bool:
    return "01" <= month <= "12" and "01" <= day <= "31"


def social_insurance(text: str) -> bool:
    """Canada: Luhn; none begins with 0 or 8."""
    number = digits_of(text)
    return number[0] not in "08" and luhn(number)


def tax_file(text: str) -> bool:
    """Australia, mod 11."""
    number = digits_of(text)
    weights = (1, 4, 3, 7, 5, 8, 6, 9, 10) if len(number) == 9 else (10, 7, 8, 4, 6, 3, 5, 1)
    return len(set(number)) > 1 and _sum(number, weights) % 11 == 0


def aadhaar(text: str) -> bool:
    """India: Verhoeff; none begins with 0 or 1, none is a palindrome."""
    number = digits_of(text)
    if number[0] in "01" or number == number[::-1]:
        return False
    check = 0
    for at, digit in enumerate(reversed(number)):
        check = int(_VERHOEFF[check][int(_TURNED[at % 8][int(digit)])])
    return check == 0


def health_service(text: str) -> bool:
    """Britain's NHS, mod 11."""
    number = digits_of(text)
    return len(set(number)) > 1 and (_sum(number, tuple(range(10, 1, -1))) + int(number[9])) % 11 == 0


def pesel(number: str) -> bool:
    """Poland: a date whose month tells the century, mod 10."""
    month = f"{int(number[2:4]) % 20:02}"
    return _is_date(month, number[4:6]) and _sum(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def cpf(text: str) -> bool:
    """Brazil: two digits, mod 11."""
    number = digits_of(text)
    first = _sum(number, tuple(range(10, 1, -1))) * 10 % 11 % 10
    second = _sum(number, tuple(range(11, 1, -1))) * 10 % 11 % 10
    return len(set(number)) > 1 and (int(number[9]), int(number[10])) == (first, second)


def birth_number(text: str) -> bool:
    """Norway: a date, in D-numbers with 4 added to its day, in H-numbers to its month; two digits, mod 11."""
    number = digits_of(text)
    day = f"{int(number[0]) % 4}{number[1]}"
    month = f"{int(number[2]) % 4}{number[3]}"
    if not _is_date(month, day):
        return False
    first = _sum(number, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1))
    return first % 11 == 0 and _sum(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def national_register(text: str) -> bool:
    """Belgium: 97 less the rest by 97, of those born from 2000 on with a 2 before it; month 00 is an unknown date."""
    number = digits_of(text)
    body, check = int(number[:9]), int(number[9:])
    month, day = f"{int(number[2:4]) % 20:02}", number[4:6]
    return (month == "00" or _is_date(month, day)) and check in (97 - body % 97, 97 - (2_000_000_000 + body) % 97)


def amka(number: str) -> bool:
    """Greece: day, month and year, Luhn."""
    return _is_date(number[2:4], number[:2]) and luhn(number)


def baltic(number: str) -> bool:
    """Estonia and Lithuania: century, date; mod 11 in two stages."""
    if number[0] not in "12345678" or not _is_date(number[3:5], number[5:7]):
        return False
    check = _sum(number, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = _sum(number, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return check == int(number[10])


def kimlik(number: str) -> bool:
    """Turkey: two digits, mod 10."""
    if number[0] == "0":
        return False
    first = (7 * _sum(number, (1, 0) * 4 + (1,)) - _sum(number, (0, 1) * 4)) % 10
    return (int(number[9]), int(number[10])) == (first, _sum(number, (1,) * 10) % 10)


def tax_identity(text: str) -> bool:
    """Germany: of the first ten digits one stands two or three times; ISO 7064, mod 11, 10."""
    number = digits_of(text)
    different = set(number[:10])
    thrice = len(different) == 8 and any(number[:10].count(digit) == 3 for digit in different)
    if number[0] == "0" or not (len(different) == 9 or thrice):
        return False
    check = 10
    for digit in number[:10]:
        check = ((int(digit) + check) % 10 or 10) * 2 % 11
    return (11 - check) % 10 == int(number[10])
