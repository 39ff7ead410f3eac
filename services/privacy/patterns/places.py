"""Names and postal addresses by the words around them: titles, form fields, kinds of street. Pure.

A name in running text needs a language model and is not found.
"""

import re
from collections.abc import Iterator

from services.privacy.patterns.reading import Text
from services.privacy.patterns.rules import Rule, rule
from services.privacy.spans import Span

_CAPITAL = r"[A-ZÀ-ÖØ-ÞĀ-Ž][a-zß-öø-ÿā-ž'’-][\w'’-]{0,30}"
_PARTICLE = r"(?:(?:de|da|van|von|der|den|del|la|bin|al|di|dos|du)[ ]){0,2}"
_NAME = rf"{_CAPITAL}(?:[ ]{_PARTICLE}(?:{_CAPITAL}|[A-Z]\.)){{0,3}}"
_FULL_NAME = rf"{_CAPITAL}(?:[ ]{_PARTICLE}(?:{_CAPITAL}|[A-Z]\.)){{1,3}}"
_NUMBER = r"[0-9]{1,5}[A-Za-z]?(?:[-/][0-9]{1,4}[A-Za-z]?)?"
_WORD = rf"(?:{_CAPITAL}|[0-9]{{1,3}}(?:st|nd|rd|th)|[NSEW]\.?)"
_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Place|Pl|Way|Square|Sq|Terrace|Close|Crescent|"
    r"Parkway|Pkwy|Highway|Hwy|Circle|Cir|Gardens|Grove|Row|Mews|Trail|Alley|Loop)"
)
_TOWN = (
    rf"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Flat|#)\.? ?[0-9A-Z]{{1,6}})?(?:,[ ]{_CAPITAL}(?:[ ]{_CAPITAL}){{0,2}})?"
    r"(?:,? [A-Z]{2,3})?(?:,? [0-9]{4,5}(?:-[0-9]{4})?)?"
)
_CITY = rf"(?:,? (?:[A-Z]{{1,2}}-)?[0-9]{{2,5}}(?:[- ][0-9A-Z]{{2,3}})?,? {_CAPITAL}(?:[ -]{_CAPITAL}){{0,2}})?"
_OF = r"(?:(?:de la|de l'|de los|de las|del|della|dei|degli|des|dos|das|de|du|da|do|la|le|les|l'|d')[ ]?){0,2}"
# Alternatives that begin with a letter each, so that a text is only read where one of those stands.
_TITLE = (
    r"(?:M(?<!\wM)(?:rs?|s|x|onsieur|adame|me|lle|evr)|D(?<!\wD)(?:r|ott\.|hr)|P(?<!\wP)rof(?:essor)?|"
    r"S(?<!\wS)(?:ir|eñora?|r\.|ra|ignora?|ig\.|enhora?)|H(?<!\wH)errn?|F(?<!\wF)rau)"
)
_QUOTE = r"\\?[\"']"
# What stands before a number in languages that write the street first.
_STREET_FIRST = re.compile(
    rf"(?<!\w)(?:(?:{_CAPITAL}[ -]){{0,3}}[A-ZÄÖÜ][\w-]{{0,40}}?(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|damm|ufer|straat|"
    r"laan|plein|gracht|kade|gatan|vägen|veien|vej|gade|katu|tie)|"
    rf"{_CAPITAL} (?:Straße|Strasse|Str\.|Weg|Platz|Allee|Laan|Straat)|"
    rf"(?:Calle|C/|Avenida|Avda\.?|Av\.|Plaza|Paseo|Carrer|Via|Viale|Piazza|Corso|Largo|Vicolo|Rua|Travessa|Praça|Estrada|"
    rf"[Uu]l\.|[Uu]lica|[Aa]leja|[Aa]l\.) ?{_OF}{_CAPITAL}(?:[ -]{_OF}{_CAPITAL}){{0,3}},?(?: n[.º°]?)?)[ ]\Z"
)
_BEFORE_THE_NAME = (
    "Calle", "C/", "Avenida", "Avda", "Av.", "Plaza", "Paseo", "Carrer", "Via", "Piazza", "Corso", "Largo", "Vicolo", "Rua",
    "Travessa", "Praça", "Estrada", "Ul.", "ul.", "lica", "leja", "Al.", "al.",
)  # fmt: skip
_BEHIND_THE_NAME = (
    "straße", "strasse", "str.", "weg", "platz", "allee", "gasse", "ring", "damm", "ufer", "straat", "laan", "plein", "gracht",
    "kade", "gatan", "vägen", "veien", "vej", "gade", "katu", "tie",
)  # fmt: skip
_NUMBER_AND_CITY = re.compile(rf"{_NUMBER}(?![\w.]){_CITY}")
_STREET_LENGTH = 80
_ADDRESS = "POSTAL_ADDRESS"


def find_streets(text: Text) -> Iterator[Span]:
    """Yield the addresses of a text that name the street before its number."""
    whole = text.whole
    for at in text.starts.digit:
        if at < 5 or whole[at - 1] != " ":
            continue
        least = max(0, at - _STREET_LENGTH)
        last = whole[max(least, whole.rfind(" ", least, at - 1) + 1) : at - 1]
        if not _may_end_a_street(last, whole, least, at):
            continue
        street = _STREET_FIRST.search(whole[least:at])
        number = _NUMBER_AND_CITY.match(whole, at) if street else None
        if street and number:
            yield Span(least + street.start(), number.end(), _ADDRESS)


def _may_end_a_street(last: str, whole: str, least: int, at: int) -> bool:
    """Whether a street's name may end with a word: with a capital in it or with `n.` after a kind of street."""
    if last.lower().endswith(_BEHIND_THE_NAME):
        return True
    if last.isascii() and last == last.lower() and not last.startswith("n"):
        return False
    return any(name in whole[least:at] for name in _BEFORE_THE_NAME)


PLACES: tuple[Rule, ...] = (
    rule(_ADDRESS, rf"(?<![\w.,$€£-]){_NUMBER},? (?:{_WORD} ){{1,4}}{_STREET}\b\.?{_TOWN}", begins=("digit",)),
    rule(
        _ADDRESS,
        rf"(?<![\w.,$€£-]){_NUMBER}(?:,? ?(?:bis|ter))?,? (?:[Rr]ue|[Aa]venue|[Bb]oulevard|[Pp]lace|[Cc]hemin|[Ii]mpasse|[Aa]llée|"
        rf"[Qq]uai|[Cc]ours|[Rr]oute) {_OF}{_CAPITAL}(?:[ -]{_OF}{_CAPITAL}){{0,3}}{_CITY}",
        begins=("digit",),
    ),
    rule(
        _ADDRESS,
        r"(?i)(?<![a-z])(?:p\.? ?o\.? ?box|postfach|postbus|apartado|casella postale)[ :]{1,2}[0-9]{2,8}\b",
        "o box", "o. box", "postfach", "postbus", "apartado", "casella",
    ),
    rule(
        _ADDRESS,
        r"(?<![\w-])(?:GIR ?0AA|[A-PR-UWYZ][A-HK-Y]?[0-9][0-9A-HJKPS-UW]? [0-9][ABD-HJLNP-UW-Z]{2})(?![\w-])",
        begins=("letter",),
    ),
    rule(_ADDRESS, r"〒 ?[0-9]{3}-[0-9]{4}[^\s,.;\"'<>]{0,40}", "〒"),
    rule(
        "PERSON",
        rf"{_TITLE}\.? ({_NAME})",
    ),
    rule(
        "PERSON",
        r"(?:(?:[Mm]y|[Hh]er|[Hh]is|[Tt]he|[Ff]ull|[Cc]ustomer|[Pp]atient)(?:'s)? name is|[Ii] am called|[Ii]ch heiße|[Mm]ein Name ist|"
        r"[Jj]e m'appelle|[Mm]on nom est|[Mm]e llamo|[Mm]i nombre es|[Mm]i chiamo|[Mm]eu nome é|[Mm]ijn naam is|[Nn]azywam się|"
        rf"[Rr]egards,|[Ss]incerely,|[Ss]igned,) {{0,2}}\n?({_NAME})",
        "name is", "i am called", "heiße", "name ist", "m'appelle", "nom est", "me llamo", "nombre es", "chiamo", "nome é", "naam is",
        "nazywam", "regards,", "sincerely,", "signed,",
    ),
    rule(
        "PERSON",
        r"(?i:(?<![a-z])(?:(?:first|last|full|middle|family|given|maiden|customer|client|patient|employee|user|card ?holder|account ?holder|"
        r"contact|recipient|sender|billing|shipping|legal|guest|student)[_ -]?name|firstname|lastname|surname|vorname|nachname|prénom|"
        rf"apellidos?|nombre|cognome|imię|nazwisko))(?:{_QUOTE})? ?[:=] ?(?:{_QUOTE})?({_NAME})",
        "name:", 'name"', "name=", "name'", "name =", "name :", "name\\", "prénom", "apellido", "nombre", "cognome", "imię", "nazwisko",
    ).with_opens(
        "first", "last", "full", "middle", "family", "given", "maiden", "customer", "client", "patient", "employee", "user", "card",
        "account", "contact", "recipient", "sender", "billing", "shipping", "legal", "guest", "student", "surname", "vorname",
        "nachname", "prénom", "apellido", "nombre", "cognome", "imię", "nazwisko",
    ),
    rule(
        "PERSON",
        rf"(?i:(?<![a-z_])name)(?:{_QUOTE})? ?[:=] ?(?:{_QUOTE})?({_FULL_NAME})(?=\W|$)",
        "name:", 'name"', "name=", "name'", "name =", "name :", "name\\",
    ).with_opens("name"),
)  # fmt: skip
