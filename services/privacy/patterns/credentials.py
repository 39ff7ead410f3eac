"""Keys, tokens and passwords in a text: by the prefixes that their issuers give them, or by the name before them. Pure."""

import math
import re
from collections import Counter

from services.privacy.patterns.rules import Rule, long_rule, rule

_NO_SECRET = re.compile(
    r"(?i)(?:[*x•.\-_]+|true|false|none|null|nil|undefined|string|str|required|optional|changeme|example|redacted|"
    r"\[[A-Z_]+(?::[0-9]+\.[0-9a-f]+)?\]?|<.*|\$[{(A-Z].*|\{\{?.*|%[({].*|.*(?:getenv|environ|process\.env|secrets?\.|config\.|self\.|input\().*)"
)
_PROSE = re.compile(r"[A-Za-zÀ-ɏ]+[.!?,:;]?")


def _has_digit(text: str) -> bool:
    return any(letter.isdigit() for letter in text)


def _random(text: str) -> bool:
    """Whether a value was drawn, not written: digits and letters, no reference to somewhere else, much in it."""
    if not _has_digit(text) or not any(letter.isalpha() for letter in text) or _NO_SECRET.fullmatch(text):
        return False
    entropy = -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
    return entropy >= 2.8


def _mixed(text: str) -> bool:
    return _has_digit(text) and text.lower() != text and text.upper() != text


def _is_password(text: str) -> bool:
    return _NO_SECRET.fullmatch(text) is None


def _is_no_word(text: str) -> bool:
    return _is_password(text) and _PROSE.fullmatch(text) is None and any(letter.isalnum() for letter in text)


def _is_stated(text: str) -> bool:
    return _is_password(text) and _has_digit(text) and any(letter.isalpha() for letter in text)


def _prefixed(kind: str, pattern: str, *triggers: str) -> Rule:
    """Return a rule of what begins with one of the triggers, unless others are said."""
    return _within(kind, pattern, *triggers).with_opens(*[trigger.lower() for trigger in triggers])


def _within(kind: str, pattern: str, *triggers: str, least: int = 0) -> Rule:
    """Return a rule of what holds one of the triggers somewhere."""
    return long_rule(kind, rf"(?<![A-Za-z0-9])(?:{pattern})", *triggers, least=least)


# A password's names.
_CALLED_SO = (
    r"(?:pass[_ -]?(?:word|wd|phrase|code)|(?<![a-z])pass|pwd|passwort|kennwort|contraseña|contrasena|mot[_ ]de[_ ]passe|senha|"
    r"wachtwoord|hasło|haslo)(?:[_-]?(?:hash|confirm|confirmation))?"
)
_PASSWORDS = ("pass", "pwd", "kennwort", "contrase", "mot", "senha", "wachtwoord", "hasło", "haslo")
_BEFORE_KEY = "|".join(
    rf"(?<={name}key)|(?<={name}.key)"
    for name in (
        "api",
        "access",
        "account",
        "secret",
        "signing",
        "encryption",
        "auth",
        "master",
        "license",
        "subscription",
    )
)
_NAMED_KEY = rf"(?:key(?:{_BEFORE_KEY})|secret|token|credentials?)"
# Between a name and its value: `=`, `:`, `=>`, quotes, escaped or not.
_IS = r"(?:\\?[\"'])?[ \t]{0,4}(?::=|=>|[:=])[ \t]{0,4}"
_QUOTED = r"\\?\"([^\"\\\n]{%s})\\?\"|\\?'([^'\\\n]{%s})\\?'"

SECRETS: tuple[Rule, ...] = (
    rule(
        "PRIVATE_KEY",
        r"-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,12}-----(?:[^-]++|-(?!----))*+(?:-----END[A-Z0-9 ]{1,60}-----)?",
        "private key",
    ),
    rule("PRIVATE_KEY", r"PuTTY-User-Key-File-[23]:(?:[^P]++|P(?!rivate-MAC))*+(?:Private-MAC:[ ]?[0-9a-f]*+)?", "putty-user"),
    _prefixed("PRIVATE_KEY", r"AGE-SECRET-KEY-1[A-Z0-9]{20,}+", "age-secret-key"),
    rule(
        "BASIC_AUTH_URL",
        r"(?<![A-Za-z0-9+.-])(?i:https?|ftps?|wss?)://[^\s/\"'<>:@]{0,128}:[^\s\"'<>@/]{1,256}@[^\s\"'<>)\]}]{1,512}+",
        "://",
    ).with_trace("://[^\\s/\"'<>:@]{0,128}:"),
    rule(
        "CONNECTION_STRING",
        r"(?<![A-Za-z0-9+.-])(?:jdbc:)?(?!(?i:https?|ftps?|wss?)://)[A-Za-z][A-Za-z0-9+.-]{1,24}+://"
        r"[^\s/\"'<>:@]{0,128}:[^\s\"'<>@/]{1,256}@[^\s\"'<>)\]}]{1,512}+",
        "://",
    ).with_trace("://[^\\s/\"'<>:@]{0,128}:"),
    rule(
        "CONNECTION_STRING",
        r"(?i)(?<![a-z])(?:server|data source|host|endpoint|accountname|addr)=[^\s\"'<>][^\"'<>\n]{0,400}?;"
        r"[ ]?(?:password|pwd|accountkey|sharedaccesskey)=[^;\"'\s<>]{1,256}+",
        "password=", "pwd=", "accountkey=", "sharedaccesskey=",
    ),
    rule("AUTH_HEADER", r"(?i)(?:(?<![a-z])bearer)[ ]{1,3}([a-z0-9._~+/=-]{16,}+)", "bearer ", check=_has_digit).with_opens("bearer "),
    rule("AUTH_HEADER", r"(?i)(?:authorization\\?[\"']?[ ]{0,3}[:=][ ]{0,3}\\?[\"']?(?:basic|token|digest))[ ]{1,3}([a-z0-9._~+/=-]{8,}+)", "authorization").with_opens("authorization"),
    _prefixed("JWT", r"eyJ[A-Za-z0-9_-]{6,}+\.[A-Za-z0-9_-]{6,}+(?:\.[A-Za-z0-9_-]*+)?", "eyj"),
    rule(
        "PASSWORD",
        rf"(?i){_CALLED_SO}{_IS}(?:{_QUOTED % ('1,128', '1,128')})",
        "pass", "pwd", "kennwort", "contrase", "senha", "wachtwoord", "hasło", "haslo",
        check=_is_password,
    ).with_opens(*_PASSWORDS),
    rule(
        "PASSWORD",
        rf"(?i)(?<![a-z]){_CALLED_SO}=([^\s\"',;&<>()\\]{{3,128}}+)",
        "pass", "pwd", "kennwort", "contrase", "senha", "wachtwoord", "hasło", "haslo",
        check=_is_password,
    ).with_opens(*_PASSWORDS),
    rule(
        "PASSWORD",
        rf"(?i){_CALLED_SO}[ ]?:[ ]{{0,4}}([^\s\"',;&<>()\\]{{4,128}}+)",
        "pass", "pwd", "kennwort", "contrase", "senha", "wachtwoord", "hasło", "haslo",
        check=_is_no_word,
    ).with_opens(*_PASSWORDS),
    rule(
        "PASSWORD",
        rf"(?i){_CALLED_SO}[ ](?:is|was|to|ist|est|es|è|é)[ :]{{1,2}}[\"'`]?([^\s\"'`,;<>]{{6,128}}+)",
        "pass", "kennwort", "contrase", "senha",
        check=_is_stated,
    ).with_opens(*_PASSWORDS),
    rule(
        "API_KEY",
        rf"(?i){_NAMED_KEY}{_IS}(?:{_QUOTED % ('12,512', '12,512')}|([A-Za-z0-9_\-./+=~]{{12,512}}+))",
        "key", "secret", "token", "credential",
        check=_random,
    ).with_opens("key", "secret", "token", "credential"),
    rule(
        "API_KEY",
        rf"(?i){_NAMED_KEY}[ ](?:is|was|ist|est|es)[ :]{{1,2}}[\"'`]?([A-Za-z0-9_\-./+=~]{{16,512}}+)",
        "key", "secret", "token", "credential",
        check=_random,
    ).with_opens("key", "secret", "token", "credential"),
    rule(
        "SESSION_TOKEN",
        r"(?i)(?:(?<![a-z])(?:session[_-]?id|session|sid|jsessionid|phpsessid|connect\.sid|csrf[_-]?token|xsrf[_-]?token)"
        r"(?:\\?[\"'])?[ ]{0,2}[:=][ ]{0,2}(?:\\?[\"'])?)([A-Za-z0-9%._-]{16,}+)",
        "sid=", 'sid"', "sessionid", "session_id", "session-id", "session=", "sessid", "csrf", "xsrf", "connect.sid",
        check=_random,
    ).with_opens("session", "sid", "jsessionid", "phpsessid", "connect.sid", "csrf", "xsrf"),
    _prefixed("AWS_ACCESS_KEY", r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}(?![A-Za-z0-9])", "akia", "asia", "abia", "acca", "aroa", "aida"),
    long_rule(
        "AWS_SECRET_KEY",
        r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
        "aws",
        check=_mixed,
        words=("aws ", "secret"),
    ),
    long_rule(
        "AZURE_KEY",
        r"(?i)(?:(?<![a-z])(?:accountkey|sharedaccesskey|sharedaccesssignature|sig)=)([A-Za-z0-9+/%]{20,}+={0,2})",
        "accountkey", "sharedaccess", "sig=",
    ),
    _within("AZURE_KEY", r"[A-Za-z0-9_~.]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}+", "q~"),
    _prefixed("GOOGLE_KEY", r"AIza[A-Za-z0-9_-]{30,}+|ya29\.[A-Za-z0-9_-]{20,}+|GOCSPX-[A-Za-z0-9_-]{20,}+|1//0[A-Za-z0-9_-]{40,}+", "aiza", "ya29.", "gocspx-", "1//0"),
    _prefixed("GITHUB_TOKEN", r"gh[pousr]_[A-Za-z0-9]{20,}+|github_pat_[A-Za-z0-9_]{20,}+", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    _prefixed("GITLAB_TOKEN", r"gl(?:pat|dt|rt|ptt|soat|cbt|ft|imt|agent|oas)-[A-Za-z0-9_.-]{16,}+", "glpat-", "gldt-", "glrt-", "glptt-", "glsoat-", "glcbt-", "glft-", "glimt-", "glagent-", "gloas-"),
    _prefixed("SLACK_TOKEN", r"xox[abeoprs]-[A-Za-z0-9-]{10,}+|xapp-[A-Za-z0-9-]{10,}+", "xox", "xapp-"),
    long_rule("SLACK_TOKEN", r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_+-]{10,}+", "hooks.slack.com"),
    long_rule("DISCORD_TOKEN", r"[MNO](?<![A-Za-z0-9].)[A-Za-z0-9]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}+", ".", least=59),
    long_rule("DISCORD_TOKEN", r"https://(?:[a-z]{1,10}\.)?discord(?:app)?\.com/api/webhooks/[0-9]{10,}+/[A-Za-z0-9_-]{20,}+", "/api/webhooks/"),
    _within("TELEGRAM_TOKEN", r"[0-9]{8,10}:[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])", ":a"),
    _prefixed("STRIPE_KEY", r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}+|whsec_[A-Za-z0-9+/=]{16,}+", "_live_", "_test_", "whsec_").with_opens("sk_", "rk_", "pk_", "whsec_"),
    _prefixed("ANTHROPIC_KEY", r"sk-ant-[A-Za-z0-9_-]{16,}+", "sk-ant-"),
    long_rule("OPENAI_KEY", r"(?<![A-Za-z0-9])(?<![A-Za-z0-9]-)sk-(?!ant-)[A-Za-z0-9_-]{16,}+", "sk-", check=_has_digit).with_opens("sk-"),
    _prefixed("HUGGINGFACE_TOKEN", r"(?:hf|api_org)_[A-Za-z0-9]{20,}+", "hf_", "api_org_"),
    _prefixed("AI_KEY", r"gsk_[A-Za-z0-9]{20,}+|xai-[A-Za-z0-9]{20,}+|r8_[A-Za-z0-9]{20,}+|pplx-[A-Za-z0-9]{20,}+|csk-[a-z0-9]{20,}+|fw_[A-Za-z0-9]{20,}+|tgp_v1_[A-Za-z0-9_-]{20,}+|nvapi-[A-Za-z0-9_-]{20,}+", "gsk_", "xai-", "r8_", "pplx-", "csk-", "fw_", "tgp_v1_", "nvapi-"),
    _prefixed("NPM_TOKEN", r"npm_[A-Za-z0-9]{20,}+", "npm_"),
    _prefixed("PYPI_TOKEN", r"pypi-[A-Za-z0-9_-]{16,}+", "pypi-"),
    _within("TWILIO_KEY", r"(?:SK|AC)[0-9a-f]{32}(?![A-Za-z0-9])", "SK", "AC", least=34),
    _prefixed("SENDGRID_KEY", r"SG\.[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+", "sg."),
    _within("MAIL_KEY", r"key-[0-9a-f]{32}(?![A-Za-z0-9])|[0-9a-f]{32}-us[0-9]{1,2}(?![A-Za-z0-9])|xkeysib-[a-f0-9]{32,}+-?[A-Za-z0-9]*+", "key-", "-us", "xkeysib-"),
    _prefixed("SHOPIFY_TOKEN", r"shp(?:at|ca|pa|ss|tka)_[A-Za-z0-9]{20,}+", "shpat_", "shpca_", "shppa_", "shpss_", "shptka_"),
    _prefixed("SQUARE_TOKEN", r"sq0(?:atp|csp|idp|idb)-[A-Za-z0-9_-]{20,}+|EAAA[A-Za-z0-9_-]{60}(?![A-Za-z0-9_-])", "sq0", "eaaa"),
    _prefixed("META_TOKEN", r"EAA[A-Za-z0-9]{40,}+", "eaa"),
    _prefixed("DATABRICKS_TOKEN", r"dapi[a-f0-9]{32}(?:-[0-9])?(?![A-Za-z0-9])", "dapi"),
    _prefixed("DIGITALOCEAN_TOKEN", r"do[opr]_v1_[a-f0-9]{32,}+", "_v1_").with_opens("doo_", "dop_", "dor_"),
    _within("VAULT_TOKEN", r"hv[sbr]\.[A-Za-z0-9_-]{20,}+|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}+", "hvs.", "hvb.", "hvr.", ".atlasv1."),
    _prefixed("DOCKER_TOKEN", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}+", "dckr_"),
    _prefixed("ATLASSIAN_TOKEN", r"ATATT3[A-Za-z0-9_=-]{20,}+|ATCTT3[A-Za-z0-9_=-]{20,}+", "atatt3", "atctt3"),
    _prefixed("NOTION_TOKEN", r"ntn_[A-Za-z0-9]{20,}+|secret_[A-Za-z0-9]{43}(?![A-Za-z0-9])", "ntn_", "secret_"),
    long_rule("SERVICE_TOKEN", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}(?![A-Za-z0-9])", "pat", least=82),
    _prefixed(
        "SERVICE_TOKEN",
        r"gl(?:sa|c)_[A-Za-z0-9_+/=]{20,}+|NR(?:AK|JS|II)-[A-Za-z0-9_-]{20,}+|lin_(?:api|oauth)_[A-Za-z0-9]{20,}+|"
        r"PMAK-[a-f0-9-]{30,}+|pscale_[a-z]{1,8}_[A-Za-z0-9_.=-]{20,}+|"
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{20,}+|sntry[su]_[A-Za-z0-9+/=_-]{20,}+|fig[dou]_[A-Za-z0-9_-]{20,}+|"
        r"rubygems_[a-f0-9]{32,}+|sbp_[a-f0-9]{32,}+|HRKU-[A-Za-z0-9_-]{20,}+|pul-[a-f0-9]{32,}+|cio[a-z]{1,4}-?[A-Za-z0-9]{32,}+|"
        r"shippo_(?:live|test)_[a-f0-9]{32,}+|ddp_[A-Za-z0-9]{32,}+|EZ[AT]K[A-Za-z0-9]{40,}+|sk_[a-f0-9]{40,}+|"
        r"key_[a-f0-9]{32,}+|ops_eyJ[A-Za-z0-9_=-]{20,}+|v1\.0-[a-f0-9]{20,}+-[a-f0-9]{20,}+|sonar?q?[ap]_[a-f0-9]{32,}+",
        "glsa_", "glc_", "nrak-", "nrjs-", "nrii-", "lin_", "pmak-", "pscale_", "dp.pt", "dp.st", "dp.ct", "dp.s", "dp.a", "sntry", "figd_", "figo_", "figu_", "rubygems_", "sbp_",
        "hrku-", "pul-", "shippo_", "ddp_", "ezak", "eztk", "sk_", "key_", "ops_ey", "v1.0-", "sqp_", "sqa_",
    ).with_opens(
        "glsa_", "glc_", "nrak-", "nrjs-", "nrii-", "lin_", "pmak-", "pscale_", "dp.", "sntry", "fig", "rubygems_", "sbp_", "hrku-",
        "pul-", "cio", "shippo_", "ddp_", "ezak", "eztk", "sk_", "key_", "ops_ey", "v1.0-", "sona",
    ),
)  # fmt: skip
