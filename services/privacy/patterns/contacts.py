"""How somebody is reached and when they were born: e-mail, phone, network, coordinates. Pure."""

import ipaddress
import re

from services.privacy.patterns.checksums import digits_of
from services.privacy.patterns.rules import Rule, rule

_MONTH = (
    r"(?:jan(?:uary|uar|vier|eiro)?|feb(?:ruary|ruar|raio)?|f[ée]vr(?:ier)?|mar(?:ch|s|zo|ço|t)?|märz|a[pv]r(?:il|ile)?|abril|ma[iy]o?|"
    r"maggio|mei|june?i?|juin|junio|giugno|jul[yi]?o?|juillet|luglio|aug(?:ust)?|août|agosto|sept?(?:ember|embre)?|o[ck]t(?:ober|obre)?|"
    r"octubre|ottobre|nov(?:ember|embre|iembre)?|de[cz](?:ember)?|d[ée]c(?:embre)?|diciembre|dicembre|dezembro|enero|gennaio|"
    r"febrero|febbraio|maart|marzo|aprile|augustus|setembro|outubro|settembre)"
)
_DATE = (
    rf"(?:[0-9]{{4}}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}|[0-9]{{1,2}}[-/. ][0-9]{{1,2}}[-/. ](?:[0-9]{{4}}|[0-9]{{2}})"
    rf"|[0-9]{{1,2}}(?:st|nd|rd|th|\.)?[ ](?:of |de |d')?{_MONTH}\.?,?(?: de| del)?[ ][0-9]{{4}}"
    r"|(?:19|20)[0-9]{6})(?![0-9])"
)
_MONTHS_DATE = rf"{_MONTH}\.?[ ][0-9]{{1,2}}(?:st|nd|rd|th)?,?[ ][0-9]{{4}}(?![0-9])"
_BORN = (
    "born", "birth", "dob", "d.o.b", "geboren", "geburt", "né", "née", "naissance", "nacid", "nacimiento", "nato il", "nata il",
    "nascita", "nascido", "nascida", "nascimento", "geboorte", "urodz", "född", "født", "syntynyt",
)  # fmt: skip
_CALLING = re.compile(
    r"(?:1|7|20|27|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|2[1-689][0-9]|3[578][0-9]|42[013]|5[09][0-9]|67[0-9]|"
    r"68[0-9]|69[0-2]|85[0-9]|88[0-9]|96[0-9]|97[0-9]|99[0-9])"
)
_PHONE_WORDS = (
    "phone", "tel", "telephone", "call", "mobile", "cell", "fax", "whatsapp", "sms", "text me", "reach me", "handy", "telefon",
    "rufnummer", "téléphone", "portable", "teléfono", "telefono", "móvil", "movil", "celular", "cellulare", "telefone", "numéro",
    "telefoon", "mobiel", "number is", "contact", "ring", "dial", "電話", "电话", "手机",
)  # fmt: skip


# As people write their own country's: the United States and Canada; a 0 first, as most do; and those without one.
_AT_HOME = (
    r"00[1-9][0-9]{0,2}[ ().\-/]{1,3}[0-9](?:[ ().\-/]{0,3}[0-9]){5,12}(?![0-9])",
    r"(?:1[-. ])?(?:\([2-9][0-9]{2}\)[ -]?|[2-9][0-9]{2}[-.])[2-9][0-9]{2}[-. ][0-9]{4}(?![A-Za-z0-9_-])",
    r"\(0[0-9]{1,5}\)[ ]?[0-9]{2,4}(?:[ -]?[0-9]{2,4}){1,3}(?![A-Za-z0-9_/-]|[.,][0-9])",
    r"0(?![0-9][/-][0-9]{2}[/-])[0-9]{1,4}(?:[ /-][0-9]{2,8}){1,4}(?![A-Za-z0-9_/-]|[.,][0-9])",
    r"0[1-9](?:\.[0-9]{2}){4}(?![A-Za-z0-9_.])",
    r"(?:0?7[0-9]{9}|01[5-7][0-9]{8,9}|0[67][0-9]{8}|04[0-9]{8}|0[789]0[0-9]{8})(?![A-Za-z0-9_])",
    r"(?:[6-9][0-9]{2} [0-9]{3} [0-9]{3}|[679][0-9]{2} [0-9]{2} [0-9]{2} [0-9]{2}|[6-9][0-9]{4} [0-9]{5})(?![A-Za-z0-9_,-]|[ .][0-9])",
    r"\(?[1-9][0-9]\)? ?9[0-9]{4}[ -][0-9]{4}(?![A-Za-z0-9_-])",
    r"\([1-9][0-9]\) ?[2-5][0-9]{3}-[0-9]{4}(?![A-Za-z0-9_-])",
    r"3[0-9]{2}[ -](?:[0-9]{7}|[0-9]{6}|[0-9]{3} [0-9]{3,4}|[0-9]{2} [0-9]{2} [0-9]{3})(?![A-Za-z0-9_-]|[ .][0-9])",
    r"1[3-9][0-9](?:[0-9]{8}|[ -][0-9]{4}[ -][0-9]{4})(?![A-Za-z0-9_-])",
)


_FILES = frozenset({"png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "json", "pdf", "html", "txt", "md", "py"})


def _is_mail(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    top = domain.rpartition(".")[2]
    if top.lower() in _FILES:
        return False
    return local not in ("git", "hg", "svn") and len(top) >= 2 and not top.isdigit() and top.isalnum()


def _is_abroad(text: str) -> bool:
    number = digits_of(text).removeprefix("00")
    return 8 <= len(number) <= 15 and _CALLING.match(number) is not None and len(set(number)) > 2


def _is_at_home(text: str) -> bool:
    number = digits_of(text)
    return 9 <= len(number) <= 12 and len(set(number)) > 2


def _is_public(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not (address.is_loopback or address.is_unspecified or text in ("255.255.255.255", "255.255.255.0"))
    groups = [group for group in text.split(":") if group]
    return not (address.is_loopback or address.is_unspecified) and len(groups) > 1 and any(map(str.isdigit, text))


def _is_place(text: str) -> bool:
    latitude, longitude = (float(part) for part in re.findall(r"-?[0-9.]+", text)[:2])
    return abs(latitude) <= 90 and abs(longitude) <= 180


def _is_date(text: str) -> bool:
    return re.fullmatch(r"[0-9]{8}", text) is None or ("01" <= text[4:6] <= "12" and "01" <= text[6:] <= "31")


CONTACTS: tuple[Rule, ...] = (
    rule(
        "EMAIL",
        r"(?<![A-Za-z0-9À-ӿ._%+-])[A-Za-z0-9À-ӿ._+-]++(?<![.-])@[A-Za-z0-9À-ӿ-]++(?:\.[A-Za-z0-9À-ӿ-]++)++",
        "@",
        check=_is_mail,
    ),
    rule("EMAIL", r"(?i)(?<![\w.+-])[\w.+-]{1,64}+ ?(?:\[at\]|\(at\)) ?[\w-]{1,63}(?: ?(?:\[dot\]|\(dot\)|\.) ?[a-z]{2,24}){1,3}", "[at]", "(at)"),
    rule("PHONE", r"(?<![A-Za-z0-9_+.])\+[ ]?\(?[1-9](?:[ ().\-/]{0,3}[0-9]){6,14}(?![0-9])", begins=("sign",), check=_is_abroad),
    rule("PHONE", rf"(?<![A-Za-z0-9_.,/+-])(?:{'|'.join(_AT_HOME)})", begins=("digit", "sign"), check=_is_at_home),
    rule(
        "PHONE",
        r"(?<![A-Za-z0-9_.,/+-])(?=\(?[0-9](?:[) .-]{0,2}[0-9]){6})\(?[0-9]{2,11}\)?(?:[ .-][0-9]{2,8}){0,4}(?![A-Za-z0-9_-])",
        begins=("digit", "sign"),
        check=lambda text: 7 <= len(digits_of(text)) <= 12 and re.search(r"[0-9]{3}", text) is not None,
        words=_PHONE_WORDS,
    ),
    rule("IP_ADDRESS", r"(?<![A-Za-z0-9_.-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![A-Za-z0-9_-]|\.[0-9])", begins=("digit",), check=_is_public),
    rule("IP_ADDRESS", r"(?<![A-Za-z0-9_:.])(?:[0-9A-Fa-f]{1,4}:){1,7}(?::|[0-9A-Fa-f]{1,4})(?:[0-9A-Fa-f]{1,4}:){0,6}[0-9A-Fa-f]{0,4}(?![A-Za-z0-9_:])", ":", begins=("digit", "letter"), check=_is_public),
    rule("MAC_ADDRESS", r"[0-9A-Fa-f][0-9A-Fa-f][:-](?<![A-Za-z0-9_:-]...)(?:(?:[0-9A-Fa-f]{2}:){4}|(?:[0-9A-Fa-f]{2}-){4})[0-9A-Fa-f]{2}(?![A-Za-z0-9_:-])", ":", "-").with_trace("[:-][0-9a-f]{2}[:-]"),
    rule("MAC_ADDRESS", r"(?<![A-Za-z0-9_.])[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?![A-Za-z0-9_.])", begins=("digit", "letter"), check=lambda text: any(map(str.isalpha, text))),
    rule("DATE_OF_BIRTH", rf"(?i)(?<![A-Za-z0-9_/.-]){_DATE}", begins=("digit",), check=_is_date, words=_BORN),
    rule("DATE_OF_BIRTH", rf"(?i)(?<![A-Za-z0-9_/.-]){_MONTHS_DATE}", "born", "birth", "dob", "geb", "né", "naci", "nasc", "nat", "urodz", "föd", "fød", "synt", words=_BORN).with_trace("[ ][0-9]{1,2}(?:st|nd|rd|th)?,?[ ][0-9]{4}"),
    rule(
        "COORDINATES",
        r"(?<![A-Za-z0-9_.])-?[0-9]{1,2}\.[0-9]{4,}+°?[ ]?[NSns]?,[ ]?-?[0-9]{1,3}\.[0-9]{4,}+°?(?:[ ]?[EWew])?(?![A-Za-z0-9_.])",
        begins=("digit", "sign"),
        check=_is_place,
    ),
)  # fmt: skip
