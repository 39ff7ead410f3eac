"""How refusals are worded, by language: that I can't or won't, and what it is that I don't do.

Each pattern is tried only where one of its short triggers stands in the text. Gaps are bounded and stay within a
sentence, so a text of bounded length costs a bounded time.
"""
# ruff: noqa: E501  # one wording, one line

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """One language's.

    Attributes:
        triggers: One of these stands in every text that the pattern finds, in lower case.
    """

    language: str
    triggers: tuple[str, ...]
    pattern: re.Pattern[str]


def _wording(language: str, triggers: str, *alternatives: str) -> Wording:
    return Wording(language, tuple(triggers.split("|")), re.compile("|".join(f"(?:{one})" for one in alternatives)))


_GAP = r"[^.!?。！？\n]"
# What stands in quotation marks is said by somebody else.
_I = r"(?<![\w\"'“‘«(])(?:i|we)"
_CANT = (
    r"(?:can't|cannot|can not|won't|will not|"
    r"(?:'m|'re| am| are)(?: \w+){0,2} (?:unable to|not able to|not permitted to|not allowed to|not authori[sz]ed to|"
    r"not going to|not comfortable|not willing to|not designed to|not programmed to))"
)
_DO = (
    r"(?:help(?! but\b| it\b| feeling| wondering| thinking)|assist|provid|shar(?:e|ing)\b|giv(?:e|ing)\b|offer|answer|"
    r"discuss|talk|speculat|compl(?:y|et)|fulfill?|creat|generat|writ|produc|explain|engag|participat|"
    r"take part|support|continue|do (?:that|this|so|it|anything)\b|let you|reveal|disclos|respond|repl(?:y|ies)|"
    r"process (?:this|that|your)|accommodat|facilitat|promot|encourag|endors|advis|teach|instruct|role-?play|pretend|"
    r"make (?:that|this|any|such|a )|be able to (?:assist|help|provide|answer|support|do|share|give))"
)
_POLICY = r"(?:polic(?:y|ies)|guidelines?|programming|principles|terms of (?:use|service)|rules)"

ENGLISH = _wording(
    "en",
    "can't|cannot|can not|won't|will not|able to|allowed|permitted|authori|going to|"
    "comfortable|willing|designed|programm|something|declin|refus|pass on|polic|guideline|principles|terms of|rules|"
    "appropriate|ethical|responsible|rather not|prefer not|only|as an ai|do not|don't|does not|doesn't|outside|beyond",
    rf"{_I}(?: (?:also|really|simply|just|unfortunately|therefore|still|cannot and)){{0,2}} ?{_CANT}(?: \w+){{0,4}}? {_DO}",
    rf"(?:sorry|apologi[sz]e|apologies|afraid|unfortunately|regret)\b{_GAP}{{0,60}}?{_I} ?{_CANT}"
    r"(?! (?:\w+ )?(?:find|see|remember|recall|think|believe|imagine|wait|agree|stress|help but|make it|come|go\b|be there))",
    rf"(?:not|n't) (?:something|a (?:topic|subject|request)|the kind of \w+)(?: that)? {_I}(?:'m| am| can| will| would|'d)",
    rf"{_I}(?:'ll| will|'m going to| am going to)? ?(?:must|have to|need to|am obliged to)(?: \w+){{0,3}}? (?:decline|refuse|pass on)\b",
    rf"{_I} (?:\w+ )?(?:refuse|decline) (?:to|this|that|your)\b",
    rf"(?:violat\w+|(?:is|goes|be) against|in violation of) (?:my|our|openai's|the) {_GAP}{{0,30}}{_POLICY}",
    rf"request (?:was|has been|is) (?:rejected|refused|blocked|declined) {_GAP}{{0,40}}{_POLICY}",
    r"(?:appropriate|ethical|responsible|right|safe) for me to\b",
    rf"{_I}(?:'d| would)? (?:rather|prefer)(?: \w+)? not (?:to )?(?:answer|discuss|say|talk|share|do|write|comment|engage|help)",
    rf"{_I}(?: can|'m| am)? only (?:able to |allowed to |here to )?(?:answer|help|assist|discuss|provide|respond|talk)",
    rf"as an? (?:ai|artificial|language model|large language){_GAP}{{0,60}} i (?:can't|cannot|can not|don't|do not|am not|am unable)",
    rf"{_I} (?:do not|don't)(?: \w+)? (?:provide|offer|have (?:the )?(?:ability|capability|access|permission|authori)|"
    r"feel comfortable|write|answer|discuss|engage|assist|support|create|generate|participate|help with)",
    r"(?:this|the|our) (?:assistant|bot|chatbot|model|service) (?:does not|doesn't|cannot|can't|will not|won't|is not able to) "
    r"(?:answer|help|provide|discuss|assist|support|offer)",
    rf"(?:outside|beyond)(?: of)? (?:the scope of )?(?:what|my)(?: {_I} )?(?: \w+){{0,2}}? ?(?:can|scope|capabilit|abilit|purpose|expertise)",
)

OTHERS = (
    _wording(
        "de",
        "nicht|kein|ablehnen|weiger",
        rf"(?:\bich (?:kann|darf|werde|möchte|könnte)|\b(?:kann|darf|werde|möchte) ich)\b{_GAP}{{0,60}}\b(?:nicht|keine?[nrs]?)\b{_GAP}{{0,60}}"
        r"(?:helfen|beantworten|bearbeiten|sagen|geben|bereitstellen|unterstützen|auskunft|erstellen|schreiben|stellen|anbieten|teilen)",
        r"ich bin (?:\w+ )?nicht (?:in der lage|berechtigt|befugt|dazu)",
        rf"ich muss {_GAP}{{0,50}}ablehnen|ich (?:lehne|weigere mich){_GAP}{{0,30}}",
    ),
    _wording(
        "fr",
        "pas|refuse|décline|refuser|impossible",
        rf"je ne (?:peux|pourrai|saurais|vais){_GAP}{{0,20}}? pas {_GAP}{{0,40}}?"
        r"(?:aider|fournir|répondre|donner|partager|rédiger|écrire|assister|révéler|discuter|expliquer|créer|divulguer|accéder|générer)",
        r"je ne suis pas (?:en mesure|autorisée?|capable|habilitée?)",
        r"je (?:refuse de|dois (?:refuser|décliner))|il m'est impossible de",
    ),
    _wording(
        "es",
        "no |niego|rechazar|declinar",
        rf"\bno (?:puedo|podré|podría|me es posible|soy capaz de|estoy en condiciones de){_GAP}{{0,40}}?"
        r"(?:ayudar|proporcionar|responder|compartir|dar\b|ofrecer|escribir|revelar|cumplir|asistir|generar|crear|participar|hablar)",
        r"\bno estoy autorizad[oa]|me niego a|(?:debo|tengo que) (?:rechazar|declinar)",
    ),
    _wording(
        "it",
        "non |rifiut|declinare",
        rf"\bnon (?:posso|potrò|mi è possibile|sono in grado di){_GAP}{{0,40}}?"
        r"(?:aiutar|fornir|risponder|dare\b|darti|condivider|scriver|rivelar|assister|crear|partecipar|parlar)",
        r"non sono autorizzat[oa]|mi rifiuto di|devo (?:rifiutare|declinare)",
    ),
    _wording(
        "pt",
        "não|recus",
        rf"\bnão (?:posso|poderei|consigo|sou capaz de|me é permitido|tenho permissão para){_GAP}{{0,40}}?"
        r"(?:ajudar|ajudá|fornecer|responder|compartilhar|dar\b|escrever|revelar|falar|criar|participar|auxiliar|gerar)",
        r"não estou autorizad[oa]|(?:devo|tenho que) recusar|recuso-me",
    ),
    _wording(
        "nl",
        "niet|geen|weiger",
        rf"(?:\bik (?:kan|mag|zal|wil)|\b(?:kan|mag|zal) ik)\b{_GAP}{{0,60}}\b(?:niet|geen)\b{_GAP}{{0,40}}"
        r"(?:helpen|beantwoorden|geven|delen|verstrekken|schrijven|bespreken)",
        r"ik weiger\b|ik moet dit (?:verzoek )?weigeren",
    ),
    _wording(
        "pl",
        "nie ",
        rf"\bnie (?:mogę|jestem w stanie|wolno mi|będę){_GAP}{{0,50}}?"
        r"(?:pomóc|pomaga|udziel|odpowied|podać|napisać|spełni|udostępni|stworzy|omawia)",
    ),
    _wording(
        "ru",
        "не ",
        rf"\bне (?:могу|имею права|в состоянии|буду|вправе){_GAP}{{0,50}}?"
        r"(?:помоч|помога|предостав|ответ|отвеч|обсужда|дать\b|написа|выполн|подели|раскры|созда)",
    ),
    _wording(
        "uk",
        "не ",
        rf"\bне (?:можу|маю права|буду|в змозі){_GAP}{{0,50}}?(?:допомог|допомаг|надат|відпов|написа|обговор|викона|поділи|створ)",
    ),
    _wording(
        "tr",
        "mam|mem",
        r"yardımcı olamam|yardım edemem|yerine getiremem|(?:bilgi|cevap|yanıt) veremem|"
        r"(?:sağlay|paylaş|yaz|cevaplay|yanıtlay|oluştur)amam",
    ),
    _wording(
        "zh",
        "无法|無法|不能|不可以|没办法|不便|不会|不會",
        r"(?:我|抱歉|对不起|對不起|作为|作為)[^。！？\n]{0,25}(?:无法|無法|不能|不可以|没办法|不便|不会|不會)[^。！？\n]{0,16}"
        r"(?:帮|幫|提供|协助|協助|回答|满足|滿足|参与|參與|完成|讨论|討論|回应|回應|分享|生成|编写|撰写|透露)",
    ),
    _wording(
        "ja",
        "できま|できかね|かねます|出来ません",
        r"(?:応え|答え|回答|提供|手伝い|対応|支援|作成|教え|共有|協力)[^。！？\n]{0,12}"
        r"(?:できません|できかね|しかねます|致しかねます|出来ません)",
    ),
    _wording(
        "ko",
        "없|못",
        r"(?:도와|도움|제공|답변|대답|알려|작성|공유|응답|지원|협조)[^.!?\n]{0,15}(?:수 없|수는 없|못)",
    ),
    _wording(
        "ar",
        "لا |لن |غير ",
        r"(?:لا (?:أستطيع|يمكنني|أقدر)|لن (?:أتمكن|أستطيع|أقوم)|غير (?:قادر|مسموح))[^.!؟\n]{0,50}"
        r"(?:مساعد|أساعد|تقديم|أقدم|الإجابة|أجيب|توفير|مشاركة|كتابة|تزويد)",
    ),
    _wording(
        "hi",
        "नहीं|असमर्थ",
        r"मैं [^।!?\n]{0,60}(?:नहीं (?:कर|दे|बता|लिख) सकत|असमर्थ)",
    ),
    _wording(
        "sv, no, da",
        "inte|ikke|vägrar|nekter",
        rf"(?:\b(?:kan|får|vill|vil|må|kommer) (?:jag|jeg)|\b(?:jag|jeg) (?:kan|får|vill|vil|må|kommer))\b{_GAP}{{0,30}}\b(?:inte|ikke)\b{_GAP}{{0,40}}"
        r"(?:hjälp|hjelp|hjælp|svar|ge\b|gi\b|give\b|del[ae]\b|skriv)",
    ),
    _wording(
        "cs, sk",
        "nemoh|nemůž|nesmím|nemôž|nejsem schop",
        rf"(?:nemohu|nemůžu|nesmím|nemôžem|nejsem schop\w+){_GAP}{{0,40}}?(?:pomoc|pomôc|poskytn|odpověd|odpoved|sdíl|napsat|sdělit)",
    ),
    _wording(
        "ro",
        "nu ",
        rf"\bnu (?:(?:te|vă|îți|vi) )?(?:pot|sunt în măsură|am voie)\b{_GAP}{{0,30}}?(?:ajuta|oferi|răspunde|furniza|da\b|scrie)",
    ),
    _wording(
        "id, ms",
        "tidak",
        rf"\b(?:saya|kami) tidak (?:dapat|bisa|boleh|mampu){_GAP}{{0,30}}?(?:membantu|memberi|menjawab|menyediakan|membagi|menulis)",
    ),
    _wording(
        "vi",
        "không",
        rf"(?:tôi|mình) không (?:thể|được phép){_GAP}{{0,30}}?(?:giúp|cung cấp|trả lời|hỗ trợ|chia sẻ|viết)",
    ),
)
WORDINGS = (ENGLISH, *OTHERS)
